import type { Command } from 'commander'
import type { Share, Statistics } from '../../../shared/catalog/statistics.ts'
import { getJson, type Jsonify } from '../../connect/get-json.ts'
import { addTargetOptions, npxCommand, resolveTarget, type TargetFlags } from '../../connect/target.ts'
import { failIfBucketUnknown, requestedBucket } from '../../connect/unknown-bucket.ts'
import { bold, formatCount, formatSize, printable, printableJson, printLine, printNext } from '../../terminal/print.ts'
import { formatTable } from '../../terminal/table.ts'

/** `catalog stats`: statistics of one bucket, or of all. */
export function addStats(program: Command): void {
  const command = program
    .command('stats')
    .description('show counts and sizes of objects and old versions; of all buckets unless --bucket is set')
    .option('--json', "print the API's response as JSON")
    .addHelpText('after', '\nExamples:\n  npx catalog stats\n  npx catalog stats --bucket archive --json\n')
    .action(stats)
  addTargetOptions(command)
}

async function stats(flags: TargetFlags & { json?: boolean }): Promise<void> {
  const target = resolveTarget(flags)
  const statistics = await getJson<Jsonify<Statistics>>(target, '/statistics', { bucket: requestedBucket(flags) })
  if (flags.json) printLine(printableJson(statistics, 2))
  if (statistics.versions + statistics.deleteMarkers === 0) await failIfBucketUnknown(target, flags)
  if (flags.json) return
  printLine(summary(statistics))
  for (const [title, shares] of sharesOf(statistics)) {
    if (shares.length > 0) printLine(`\n${bold(title)}\n${sharesTable(shares.slice(0, MAX_SHARES))}`)
    if (shares.length > MAX_SHARES) printLine(`... and ${shares.length - MAX_SHARES} more, see --json`)
  }
  printLine()
  printNext(npxCommand('list', flags), npxCommand('audit', flags))
}

/** Rows per table; --json has all. */
const MAX_SHARES = 15

function summary(s: Jsonify<Statistics>): string {
  const added = s.growth.at(-1)
  return [
    `${bold('Objects')}       ${s.objects.toLocaleString('en')}, ${formatSize(s.bytes)} (${s.bytes.toLocaleString('en')} bytes)`,
    `${bold('Versions')}      ${s.versions.toLocaleString('en')}, of them ${s.oldVersions.toLocaleString('en')} old with ${formatSize(s.oldVersionBytes)}`,
    `${bold('Markers')}       ${formatCount(s.deleteMarkers, 'delete marker')}`,
    `${bold('Added today')}   ${added ? `${formatCount(added.objects, 'object')}, ${formatSize(added.bytes)}` : 'nothing'}`,
    `${bold('Last 24 hours')} ${formatCount(s.auditsLast24h, 'audit entry')}`,
  ].join('\n')
}

function sharesOf(s: Jsonify<Statistics>): [string, Jsonify<Share>[]][] {
  return [
    ['By bucket', s.byBucket],
    ['By content type', s.byContentType],
    ['By storage class', s.byStorageClass],
    ['By storage backend', s.byBackend],
  ]
}

function sharesTable(shares: Jsonify<Share>[]): string {
  return formatTable(shares, [
    { heading: '', text: ({ value }) => printable(value ?? 'unknown'), share: 1 },
    { heading: 'Objects', text: ({ objects }) => objects.toLocaleString('en'), align: 'right' },
    { heading: 'Size', text: ({ bytes }) => formatSize(bytes), align: 'right' },
  ])
}
