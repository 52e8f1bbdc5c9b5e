import type { Command } from 'commander'
import type { StoredVersion } from '../../shared/catalog/versions.ts'
import type { Wire } from '../connect/ask.ts'
import { findPlace, npx, type PlaceFlags, withPlace } from '../connect/where.ts'
import { humanSize, humanTime, printable, quoted } from '../terminal/print.ts'
import { type ListFlags, showList, withPages } from '../terminal/show-list.ts'

/** `catalog versions <key>`: the history of an object, newest first. */
export function addVersions(program: Command): void {
  const command = program
    .command('versions')
    .description('list the versions and delete markers of a key, newest first')
    .argument('<key>', 'the whole key')
    .action(versions)
  withPages(withPlace(command))
}

async function versions(key: string, flags: PlaceFlags & ListFlags): Promise<void> {
  const place = findPlace(flags)
  type Version = Wire<StoredVersion>
  await showList<Version, Version>(place, '/versions', { bucket: place.bucket, key }, flags, {
    columns: [
      { heading: 'Version', text: ({ versionId }) => printable(versionId), wide: true },
      { heading: 'Size', text: ({ size }) => (size === null ? 'deleted' : humanSize(size)), align: 'right' },
      { heading: 'Last modified', text: ({ lastModified }) => humanTime(lastModified) },
      { heading: 'By', text: ({ createdBy }) => printable(createdBy ?? '') },
      { heading: 'Comment', text: ({ comment }) => printable(comment ?? '') },
      { heading: '', text: ({ isLatest }) => (isLatest ? 'latest' : '') },
    ],
    rows: page => page.items,
    empty: `No version of ${printable(key)} is known.`,
    next: () => [npx(`audit ${quoted(key)}`, flags)],
  })
}
