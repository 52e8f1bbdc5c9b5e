import type { Command } from 'commander'
import type { StoredVersion } from '../../../shared/catalog/versions.ts'
import type { Jsonify } from '../../connect/get-json.ts'
import { addTargetOptions, npxCommand, resolveTarget, type TargetFlags } from '../../connect/target.ts'
import { formatSize, printable, shellQuote } from '../../terminal/print.ts'
import { addPageOptions, type ListFlags, printList } from '../../terminal/print-list.ts'
import { formatTime } from '../../terminal/time.ts'

/** `catalog versions <key>`: versions and delete markers of a key, newest first. */
export function addVersions(program: Command): void {
  const command = program
    .command('versions')
    .description('list the versions and delete markers of a key, newest first')
    .argument('<key>', 'the full key')
    .addHelpText(
      'after',
      '\nExamples:\n  npx catalog versions documents/invoice.pdf\n  npx catalog versions documents/invoice.pdf --all --json\n',
    )
    .action(versions)
  addPageOptions(addTargetOptions(command))
}

async function versions(key: string, flags: TargetFlags & ListFlags): Promise<void> {
  const target = resolveTarget(flags)
  type Version = Jsonify<StoredVersion>
  await printList<Version, Version>(target, '/versions', { bucket: target.bucket, key }, flags, {
    columns: [
      { heading: 'Version', text: ({ versionId }) => printable(versionId) },
      { heading: 'Size', text: ({ size }) => (size === null ? 'deleted' : formatSize(size)), align: 'right' },
      { heading: 'Last modified', text: ({ lastModified }) => formatTime(lastModified) },
      { heading: 'By', text: ({ createdBy }) => printable(createdBy ?? ''), share: 1, least: 8 },
      { heading: 'Comment', text: ({ comment }) => printable(comment ?? ''), share: 2 },
      { heading: '', text: ({ isLatest }) => (isLatest ? 'latest' : '') },
    ],
    rows: page => page.items,
    empty: `No version of ${printable(key)} found.`,
    next: () => [npxCommand(`audit ${shellQuote(key)}`, flags)],
  })
}
