import type { Command } from 'commander'
import type { StoredObject } from '../../shared/catalog/objects.ts'
import type { Wire } from '../connect/ask.ts'
import { findPlace, npx, type PlaceFlags, withPlace } from '../connect/where.ts'
import { objectColumns } from '../terminal/object-columns.ts'
import { quoted } from '../terminal/print.ts'
import { type ListFlags, showList, withPages } from '../terminal/show-list.ts'

/** `catalog search <words...>`: objects by words of their names, types, metadata and tags, the best first. */
export function addSearch(program: Command): void {
  const command = program
    .command('search')
    .description('find objects by words of their names, content types, metadata and tags')
    .argument('<words...>', 'words, "a phrase", or, -without, or with the operators of Postgres: invo* & finance')
    .option('--prefix <prefix>', 'only keys that begin with this')
    .option('--type <type>', 'only this content type')
    .addHelpText('after', '\nExamples:\n  npx catalog search invoice 2024\n  npx catalog search "invo*" --prefix documents/\n')
    .action(search)
  withPages(withPlace(command))
}

async function search(words: string[], flags: PlaceFlags & ListFlags & { prefix?: string; type?: string }): Promise<void> {
  const place = findPlace(flags)
  const parameters = { q: words.join(' '), bucket: place.bucket, prefix: flags.prefix, contentType: flags.type }
  await showList<Wire<StoredObject>, Wire<StoredObject>>(place, '/search', parameters, flags, {
    columns: objectColumns,
    rows: page => page.items,
    empty: 'Nothing found.',
    next: ([best]) => (best ? [npx(`versions ${quoted(best.key)}`, flags)] : []),
  })
}
