import type { Command } from 'commander'
import type { StoredObject } from '../../shared/catalog/objects.ts'
import type { Jsonify } from '../connect/get-json.ts'
import { addTargetOptions, npxCommand, resolveTarget, type TargetFlags } from '../connect/target.ts'
import { objectColumns } from '../terminal/object-columns.ts'
import { shellQuote } from '../terminal/print.ts'
import { addPageOptions, type ListFlags, printList } from '../terminal/print-list.ts'

/** `catalog search <words...>`: objects by words of their keys, content types, metadata and tags, best match first. */
export function addSearch(program: Command): void {
  const command = program
    .command('search')
    .description('find objects by words of their keys, content types, metadata and tags')
    .argument('<words...>', 'words, "a phrase", a* prefix, or, -not; also the operators of Postgres: invo* & finance')
    .option('--prefix <prefix>', 'only keys with this prefix')
    .option('--type <type>', 'only objects of this content type')
    .addHelpText('after', '\nExamples:\n  npx catalog search invoice 2024\n  npx catalog search "invo*" --prefix documents/\n')
    .action(search)
  addPageOptions(addTargetOptions(command))
}

async function search(words: string[], flags: TargetFlags & ListFlags & { prefix?: string; type?: string }): Promise<void> {
  const target = resolveTarget(flags)
  const parameters = { q: words.join(' '), bucket: target.bucket, prefix: flags.prefix, contentType: flags.type }
  await printList<Jsonify<StoredObject>, Jsonify<StoredObject>>(target, '/search', parameters, flags, {
    columns: objectColumns,
    rows: page => page.items,
    empty: 'Nothing found.',
    next: ([best]) => (best ? [npxCommand(`versions ${shellQuote(best.key)}`, flags)] : []),
  })
}
