import type { Command } from 'commander'
import type { StoredObject } from '../../shared/catalog/objects.ts'
import type { Wire } from '../connect/ask.ts'
import { findPlace, npx, type PlaceFlags, withPlace } from '../connect/where.ts'
import { humanSize, humanTime, printable, quoted } from '../terminal/print.ts'
import { type ListFlags, showList, withPages } from '../terminal/show-list.ts'

/** `catalog list [prefix]`: folders and objects below a prefix. */
export function addList(program: Command): void {
  const command = program
    .command('list')
    .description('list folders and objects, in the order of their keys')
    .argument('[prefix]', 'only keys that begin with this; a folder ends in /', '')
    .option('--recursive', 'objects only, whatever folder they are in')
    .addHelpText('after', '\nExamples:\n  npx catalog list\n  npx catalog list documents/ --recursive --all --json\n')
    .action(list)
  withPages(withPlace(command))
}

/** A folder has a key only. */
type Entry = { key: string; object?: Wire<StoredObject> }

async function list(prefix: string, flags: PlaceFlags & ListFlags & { recursive?: boolean }): Promise<void> {
  const place = findPlace(flags)
  const parameters = { bucket: place.bucket, prefix: prefix || undefined, delimiter: flags.recursive ? undefined : '/' }
  await showList<Wire<StoredObject>, Entry>(place, '/objects', parameters, flags, {
    columns: [
      { heading: 'Key', text: ({ key }) => printable(key), wide: true },
      { heading: 'Size', text: ({ object }) => (object ? humanSize(object.size) : 'folder'), align: 'right' },
      { heading: 'Content type', text: ({ object }) => printable(object?.contentType ?? '') },
      { heading: 'Last modified', text: ({ object }) => (object ? humanTime(object.lastModified) : '') },
    ],
    rows: ({ items, prefixes = [] }) => [
      ...prefixes.map(key => ({ key })),
      ...items.map(object => ({ key: object.key, object })),
    ],
    empty: prefix
      ? `Nothing begins with ${printable(prefix)}`
      : `The bucket is empty. Put something in: ${npx('upload <folder>', flags)}`,
    next: ([first]) => (first ? [npx(`${first.object ? 'versions' : 'list'} ${quoted(first.key)}`, flags)] : []),
  })
}
