import type { RecordedDifference } from '../../shared/catalog/differences.ts'
import { driftOf } from '../../shared/catalog/reconcile-runs.ts'
import type { Page } from '../../shared/database/page.ts'
import type { DriftKind } from '../../shared/names.ts'
import { getJson } from '../connect/get-json.ts'
import { npxCommand, type Target, type TargetFlags } from '../connect/target.ts'
import { printable, printLine } from '../terminal/print.ts'
import { formatTable } from '../terminal/table.ts'
import { KINDS } from './print-runs.ts'
import type { Run } from './progress.ts'

/** Differences that are named to people. */
const MAX_NAMED = 20

/** Runs with all the differences that the catalog keeps of them. */
export async function withDifferences(target: Target, runs: Run[]): Promise<(Run & { differences: RecordedDifference[] })[]> {
  return Promise.all(runs.map(async run => ({ ...run, differences: await fetchAll(target, run) })))
}

/** Prints which versions differ: the first twenty of each run, and how to get all. */
export async function printDifferences(target: Target, flags: TargetFlags, runs: Run[]): Promise<void> {
  for (const run of runs) {
    const { named, more } = await nameDifferences(target, flags, run)
    if (named.length === 0) continue
    const table = formatTable(named, [
      { heading: 'Difference', text: ({ kind }) => titleOf(kind) },
      { heading: 'Key', text: ({ key }) => printable(key), share: 2 },
      { heading: 'Version', text: ({ versionId }) => printable(versionId) },
    ])
    printLine(`\n${table}`)
    for (const line of more) printLine(line)
  }
}

/** The first differences of a run as lines, and how to get all. */
export async function describeDifferences(target: Target, flags: TargetFlags, run: Run): Promise<string[]> {
  const { named, more } = await nameDifferences(target, flags, run)
  return [...named.map(({ kind, key, versionId }) => printable(`${titleOf(kind)}: ${key} (${versionId})`)), ...more]
}

async function nameDifferences(
  target: Target,
  flags: TargetFlags,
  run: Run,
): Promise<{ named: RecordedDifference[]; more: string[] }> {
  const drift = driftOf(run.findings)
  if (drift === 0) return { named: [], more: [] }
  const { items } = await fetchPage(target, run, MAX_NAMED)
  const rest = (drift - items.length).toLocaleString('en')
  const more = `... and ${rest} more, see ${npxCommand(`reconcile --follow ${run.id} --json`, flags)}`
  return { named: items, more: drift > items.length ? [more] : [] }
}

async function fetchAll(target: Target, run: Run): Promise<RecordedDifference[]> {
  if (driftOf(run.findings) === 0) return []
  const all: RecordedDifference[] = []
  let cursor: string | undefined
  do {
    const page = await fetchPage(target, run, 1000, cursor)
    all.push(...page.items)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return all
}

function fetchPage(target: Target, { id }: Run, limit: number, cursor?: string): Promise<Page<RecordedDifference>> {
  return getJson(target, '/differences', { run: id, limit, cursor })
}

function titleOf(kind: DriftKind): string {
  return KINDS.find(row => row.kind === kind)?.title ?? kind
}
