import type { Command } from 'commander'
import type { StoredObject } from '../../../shared/catalog/objects.ts'
import type { Jsonify } from '../../connect/get-json.ts'
import { addTargetOptions, npxCommand, resolveTarget, type TargetFlags } from '../../connect/target.ts'
import { requestedBucket } from '../../connect/unknown-bucket.ts'
import { formatSize, printable, shellQuote } from '../../terminal/print.ts'
import { addPageOptions, type ListFlags, printList } from '../../terminal/print-list.ts'
import { formatTime } from '../../terminal/time.ts'

/** `catalog search <words...>`: objects by words of their keys, content types, metadata and tags, best match first. */
export function addSearch(program: Command): void {
  const command = program
    .command('search')
    .description('find objects by words of their keys, content types, metadata and tags; in all buckets unless --bucket is set')
    .argument('<words...>', 'words, "a phrase", a* prefix, or, -not; also the operators of Postgres: invo* & finance')
    .option('--prefix <prefix>', 'only keys with this prefix')
    .option('--type <type>', 'only objects of this content type, for example text/plain or image/*')
    // A word such as -draft is not an option.
    .allowUnknownOption()
    .addHelpText(
      'after',
      `
Examples:
  npx catalog search invoice 2024
  npx catalog search invoice -draft
  npx catalog search "invo*" --prefix documents/ --type application/pdf
`,
    )
    .action((words: string[], flags: Flags) => search(words, flags, command))
  addPageOptions(addTargetOptions(command))
}

type Flags = TargetFlags & ListFlags & { prefix?: string; type?: string }

async function search(words: string[], flags: Flags, command: Command): Promise<void> {
  const unknown = words.find(word => /^--./.test(word))
  if (unknown) command.error(`error: unknown option '${unknown}'`)
  const target = resolveTarget(flags)
  const bucket = requestedBucket(flags)
  const parameters = { q: words.join(' '), bucket, prefix: flags.prefix, contentType: flags.type }
  await printList<Jsonify<StoredObject>, Jsonify<StoredObject>>(target, '/search', parameters, flags, {
    columns: [
      { heading: 'Bucket', text: object => (bucket === undefined ? printable(object.bucket) : ''), share: 1 },
      { heading: 'Key', text: object => printable(object.key), share: 3 },
      { heading: 'Size', text: object => formatSize(object.size), align: 'right' },
      { heading: 'Content type', text: object => printable(object.contentType ?? ''), share: 1, least: 15, most: 26 },
      { heading: 'Last modified', text: object => formatTime(object.lastModified) },
    ],
    rows: page => page.items,
    empty: 'Nothing found.',
    next: ([best]) => {
      if (!best) return []
      const found = best.bucket === target.bucket ? flags : { ...flags, bucket: best.bucket }
      return ['versions', 'download'].map(name => npxCommand(`${name} ${shellQuote(best.key)}`, found))
    },
  })
}
