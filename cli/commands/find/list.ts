import type { Command } from 'commander'
import type { StoredObject } from '../../../shared/catalog/objects.ts'
import type { Jsonify } from '../../connect/get-json.ts'
import { addTargetOptions, npxCommand, resolveTarget, type TargetFlags } from '../../connect/target.ts'
import { formatSize, printable, shellQuote } from '../../terminal/print.ts'
import { addPageOptions, type ListFlags, printList } from '../../terminal/print-list.ts'
import { formatTime } from '../../terminal/time.ts'

/** `catalog list [prefix]`: folders and objects with a prefix. */
export function addList(program: Command): void {
  const command = program
    .command('list')
    .description('list folders and objects, ordered by key')
    .argument('[prefix]', 'only keys with this prefix; folders end with /', '')
    .option('--recursive', 'list the objects of all folders below the prefix')
    .addHelpText('after', '\nExamples:\n  npx catalog list\n  npx catalog list documents/ --recursive --all --json\n')
    .action(list)
  addPageOptions(addTargetOptions(command))
}

/** A folder has only a key. */
type Entry = { key: string; object?: Jsonify<StoredObject> }

async function list(prefix: string, flags: TargetFlags & ListFlags & { recursive?: boolean }): Promise<void> {
  const target = resolveTarget(flags)
  const parameters = { bucket: target.bucket, prefix: prefix || undefined, delimiter: flags.recursive ? undefined : '/' }
  await printList<Jsonify<StoredObject>, Entry>(target, '/objects', parameters, flags, {
    columns: [
      { heading: 'Key', text: ({ key }) => printable(key), share: 2 },
      { heading: 'Size', text: ({ object }) => (object ? formatSize(object.size) : 'folder'), align: 'right' },
      { heading: 'Content type', text: ({ object }) => printable(object?.contentType ?? ''), share: 1, least: 15, most: 26 },
      { heading: 'Last modified', text: ({ object }) => (object ? formatTime(object.lastModified) : '') },
    ],
    rows: ({ items, prefixes = [] }) => [
      ...prefixes.map(key => ({ key })),
      ...items.map(object => ({ key: object.key, object })),
    ],
    empty: prefix
      ? `No key begins with ${printable(prefix)}.`
      : `The bucket is empty. Upload files with: ${npxCommand('upload <folder>', flags)}`,
    next: ([first]) => (first ? [npxCommand(`${first.object ? 'versions' : 'list'} ${shellQuote(first.key)}`, flags)] : []),
  })
}
