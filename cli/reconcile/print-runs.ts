import { driftOf, type Findings } from '../../shared/catalog/reconcile-runs.ts'
import { CliError } from '../terminal/cli-error.ts'
import { formatCount, printable, printLine } from '../terminal/print.ts'
import { formatTable } from '../terminal/table.ts'
import { formatTime } from '../terminal/time.ts'
import type { Run } from './progress.ts'

/** Prints the findings of finished runs, one line per kind of difference. */
export function printFindings(runs: Run[]): void {
  for (const { bucket, prefix, findings } of runs) {
    const where = printable(`${bucket}/${prefix}`)
    const requests = formatCount(findings.requests, 'request')
    const differences = formatCount(driftOf(findings), 'difference')
    const compared = `${formatCount(findings.versions, 'version')} compared with ${requests}`
    const asked = `metadata and tags of ${findings.refreshed.toLocaleString('en')} compared`
    printLine(`${where}: ${compared}, ${differences}, ${findings.repaired} repaired; ${asked}`)
    const kinds = KINDS.filter(({ kind }) => findings[kind] > 0)
    if (kinds.length === 0) continue
    const table = formatTable(kinds, [
      { heading: 'Difference', text: ({ title }) => title },
      { heading: 'Versions', text: ({ kind }) => findings[kind].toLocaleString('en'), align: 'right' },
      { heading: 'Meaning', text: ({ meaning }) => meaning, share: 1 },
    ])
    printLine(table)
  }
}

/** Throws CliError (exit status 1) if there are keys that could not be settled; prints which ones, unless the output is JSON. */
export function refuseUnsettled(runs: Run[], { json = false }: { json?: boolean }): void {
  const count = runs.reduce((sum, { findings }) => sum + findings.unsettled, 0)
  if (count === 0) return
  for (const { bucket, result } of json ? [] : runs) {
    for (const { key, reason } of result && 'unsettled' in result ? result.unsettled : [])
      printLine(`  ${printable(`${bucket}/${key}`)}: ${printable(reason)}`)
  }
  throw new CliError(`${formatCount(count, 'key')} could not be settled and ${count === 1 ? 'is' : 'are'} left as before`)
}

/** Prints a table of runs, one line each. */
export function printRuns(runs: Run[]): void {
  const table = formatTable(runs, [
    { heading: 'Run', text: ({ id }) => String(id), align: 'right' },
    { heading: 'Kind', text: ({ kind, isDryRun }) => (isDryRun ? 'dry run' : kind) },
    { heading: 'State', text: ({ state }) => state },
    { heading: 'Started', text: ({ startedAt }) => formatTime(startedAt) },
    { heading: 'Versions', text: ({ findings }) => findings.versions.toLocaleString('en'), align: 'right' },
    { heading: 'Differences', text: ({ findings }) => driftOf(findings).toLocaleString('en'), align: 'right' },
    { heading: 'Keys', text: run => describeScope(run), share: 1 },
  ])
  printLine(table)
}

/** Where a run works, and why it failed. */
function describeScope({ bucket, prefix, error }: Run): string {
  return printable(`${bucket}/${prefix}${error === null ? '' : ` (${error})`}`)
}

/** What a run finds, and what it means. */
export const KINDS: { kind: keyof Findings; title: string; meaning: string }[] = [
  { kind: 'missing', title: 'missing', meaning: 'in the bucket, not in the catalog' },
  { kind: 'orphaned', title: 'orphaned', meaning: 'in the catalog, not in the bucket' },
  { kind: 'stale', title: 'stale', meaning: 'size, entity tag, class or time differ' },
  { kind: 'wrongLatest', title: 'wrong latest', meaning: 'another version is the latest one' },
  { kind: 'wrongMetadata', title: 'wrong metadata', meaning: 'content type, metadata or tags differ' },
  {
    kind: 'disagreeing',
    title: 'disagreeing',
    meaning: 'S3 lists other values than its HEAD returns; not drift, nothing to repair',
  },
  { kind: 'unsettled', title: 'unsettled', meaning: 'keys that S3 or Postgres returned an error for; left as they are' },
]
