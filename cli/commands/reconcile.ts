import { type Command, InvalidArgumentError, Option } from 'commander'
import { driftOf, type Findings, type ReconcileRun } from '../../shared/catalog/reconcile-runs.ts'
import type { Client } from '../../shared/database/connection.ts'
import { toStoredKey } from '../../shared/database/stored-text.ts'
import { prefixEnd } from '../../shared/key-order.ts'
import { checkBucketAccess, openBucket } from '../connect/bucket.ts'
import { openDatabase } from '../connect/database.ts'
import { addTargetOptions, npxCommand, resolveTarget, type TargetFlags } from '../connect/target.ts'
import { addRunOptions, prefixFlags, type RunFlags, runReconciles } from '../reconcile/run.ts'
import { CliError } from '../terminal/cli-error.ts'
import { formatCount, printable, printableJson, printLine, printNext } from '../terminal/print.ts'
import { formatTable } from '../terminal/table.ts'

/** `catalog reconcile`: compares the bucket with the catalog and repairs the catalog. */
export function addReconcile(program: Command): void {
  const command = program
    .command('reconcile')
    .description(
      'compare the bucket with the catalog, tell what differs, and repair the catalog; stopped, it goes on where it was',
    )
    .option('--dry-run', 'tell what differs, and change nothing; exits with 2 when something does')
    .addOption(
      new Option('--sample <share>', 'share (0 to 1) of the versions whose metadata and tags are compared, too')
        .argParser(parseShare)
        .default(0),
    )
    .option('--fresh', 'begin with the first key, also when an earlier run was stopped')
    .addHelpText(
      'after',
      '\nExamples:\n  npx catalog reconcile --dry-run\n  npx catalog reconcile --prefix 2025/ --prefix 2026/ --sample 0.01\n',
    )
    .action(reconcileCommand)
  addTargetOptions(addRunOptions(command))
}

type Flags = TargetFlags & RunFlags & { dryRun?: boolean; sample: number; fresh?: boolean }

async function reconcileCommand(flags: Flags): Promise<void> {
  const target = resolveTarget(flags)
  const bucket = openBucket(target)
  await checkBucketAccess(bucket)
  const sql = openDatabase(target)
  try {
    const total = await countVersions(sql, bucket.name, flags.prefix)
    const { dryRun: isDryRun = false, sample: sampleRate, fresh } = flags
    const runs = await runReconciles(sql, bucket, flags, { isDryRun, sampleRate, fresh, total })
    if (flags.json) printLine(printableJson(runs, 2))
    else printRuns(runs)
    const drift = runs.reduce((sum, { findings }) => sum + driftOf(findings), 0)
    if (isDryRun && drift > 0)
      throw new CliError(`${formatCount(drift, 'difference')}: ${npxCommand(`reconcile${prefixFlags(flags)}`, flags)} repairs`, {
        exitCode: 2,
      })
    if (!flags.json) printNext(npxCommand('stats', flags))
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** Prints what runs have found, one line a kind. */
export function printRuns(runs: ReconcileRun[]): void {
  for (const { bucket, prefix, findings } of runs) {
    const drift = driftOf(findings)
    const where = printable(`${bucket}/${prefix}`)
    const asked = formatCount(findings.requests, 'request')
    printLine(
      `${where}: ${formatCount(findings.versions, 'version')} compared with ${asked}, ${formatCount(drift, 'difference')}, ${findings.repaired} repaired`,
    )
    const kinds = KINDS.filter(({ kind }) => findings[kind] > 0)
    if (kinds.length === 0) continue
    const table = formatTable(kinds, [
      { heading: 'Difference', text: ({ title }) => title },
      { heading: 'Versions', text: ({ kind }) => findings[kind].toLocaleString('en'), align: 'right' },
      { heading: 'Means', text: ({ meaning }) => meaning, wide: true },
    ])
    printLine(table)
  }
}

const KINDS: { kind: keyof Findings; title: string; meaning: string }[] = [
  { kind: 'missing', title: 'missing', meaning: 'in the bucket, not in the catalog' },
  { kind: 'orphaned', title: 'orphaned', meaning: 'in the catalog, not in the bucket' },
  { kind: 'stale', title: 'stale', meaning: 'of another size, entity tag, class or time' },
  { kind: 'wrongLatest', title: 'wrong latest', meaning: 'another version is the latest one' },
  { kind: 'wrongMetadata', title: 'wrong metadata', meaning: 'of another content type, metadata or tags' },
]

/** About how many versions there will be to compare: as many as the catalog has. */
async function countVersions(sql: Client, bucket: string, prefixes: string[]): Promise<number> {
  const ranges = (prefixes.length > 0 ? prefixes : ['']).map(prefix => [toStoredKey(prefix), prefixEnd(toStoredKey(prefix))])
  const [row] = await sql<{ versions: number }[]>`
    select count(*) as versions
    from jsonb_array_elements(${sql.json(ranges)}) as r (range)
    join catalog.storage_versions v on v.bucket = ${bucket} and v.key >= r.range ->> 0 and (r.range ->> 1 is null or v.key < r.range ->> 1)
  `
  return row?.versions ?? 0
}

function parseShare(text: string): number {
  const value = Number(text)
  if (!/^[\d.]+$/.test(text) || !(value >= 0 && value <= 1)) throw new InvalidArgumentError('Must be a number from 0 to 1.')
  return value
}
