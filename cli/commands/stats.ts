import type { Command } from 'commander'
import type { Share, Statistics } from '../../shared/catalog/statistics.ts'
import { ask, type Wire } from '../connect/ask.ts'
import { namedBucket, refuseUnknownBucket } from '../connect/known-bucket.ts'
import { findPlace, npx, type PlaceFlags, withPlace } from '../connect/where.ts'
import { bold, count, humanSize, next, printable, printableJson, say } from '../terminal/print.ts'
import { formatTable } from '../terminal/table.ts'

/** `catalog stats`: what the catalog holds, of all buckets unless one is named. */
export function addStats(program: Command): void {
  const command = program
    .command('stats')
    .description('show how much there is, of what kind, and what old versions cost; of all buckets unless one is named')
    .option('--json', "the API's answer as JSON")
    .action(stats)
  withPlace(command)
}

async function stats(flags: PlaceFlags & { json?: boolean }): Promise<void> {
  const place = findPlace(flags)
  const statistics = await ask<Wire<Statistics>>(place, '/statistics', { bucket: namedBucket(flags) })
  if (flags.json) say(printableJson(statistics, 2))
  if (statistics.versions + statistics.deleteMarkers === 0) await refuseUnknownBucket(place, flags)
  if (flags.json) return
  say(summary(statistics))
  for (const [title, shares] of sharesOf(statistics)) {
    if (shares.length > 0) say(`\n${bold(title)}\n${sharesTable(shares.slice(0, MOST_SHARES))}`)
    if (shares.length > MOST_SHARES) say(`... and ${shares.length - MOST_SHARES} more: --json`)
  }
  say()
  next(npx('list', flags), npx('audit', flags))
}

/** What a person reads of a long list; the rest is in the JSON. */
const MOST_SHARES = 15

function summary(s: Wire<Statistics>): string {
  const added = s.growth.at(-1)
  return [
    `${bold('Objects')}       ${s.objects.toLocaleString('en')}, ${humanSize(s.bytes)} (${s.bytes.toLocaleString('en')} bytes)`,
    `${bold('Versions')}      ${s.versions.toLocaleString('en')}, of them ${s.oldVersions.toLocaleString('en')} old with ${humanSize(s.oldVersionBytes)}`,
    `${bold('Markers')}       ${count(s.deleteMarkers, 'delete marker')}`,
    `${bold('Added today')}   ${added ? `${count(added.objects, 'object')}, ${humanSize(added.bytes)}` : 'nothing'}`,
    `${bold('Last 24 hours')} ${count(s.auditsLast24h, 'audit entry')}`,
  ].join('\n')
}

function sharesOf(s: Wire<Statistics>): [string, Wire<Share>[]][] {
  return [
    ['By bucket', s.byBucket],
    ['By content type', s.byContentType],
    ['By storage class', s.byStorageClass],
    ['By storage backend', s.byBackend],
  ]
}

function sharesTable(shares: Wire<Share>[]): string {
  return formatTable(shares, [
    { heading: '', text: ({ value }) => printable(value ?? 'unknown'), wide: true },
    { heading: 'Objects', text: ({ objects }) => objects.toLocaleString('en'), align: 'right' },
    { heading: 'Size', text: ({ bytes }) => humanSize(bytes), align: 'right' },
  ])
}
