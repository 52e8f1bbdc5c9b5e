import { type Command, Option } from 'commander'
import { driftOf } from '../../../shared/catalog/reconcile-runs.ts'
import type { BucketStatistics } from '../../../shared/catalog/statistics.ts'
import { deleteJson, getJson, type Jsonify } from '../../connect/get-json.ts'
import { addTargetOptions, npxCommand, resolveTarget, type Target, type TargetFlags } from '../../connect/target.ts'
import { printDifferences, withDifferences } from '../../reconcile/differences.ts'
import { followRuns, startRuns } from '../../reconcile/follow.ts'
import { addRunOptions, parseId, type RunFlags, runFlags } from '../../reconcile/options.ts'
import { printFindings, printRuns, refuseUnsettled } from '../../reconcile/print-runs.ts'
import type { Run } from '../../reconcile/progress.ts'
import { CliError } from '../../terminal/cli-error.ts'
import { numberBetween } from '../../terminal/numbers.ts'
import { formatCount, printableJson, printLine, printNext } from '../../terminal/print.ts'

/** `catalog reconcile`: compares the bucket with the catalog and repairs the catalog. */
export function addReconcile(program: Command): void {
  const command = program
    .command('reconcile')
    .description('compare the bucket with the catalog, show the differences, and repair the catalog')
    .option('--dry-run', 'show the differences and change nothing; exits with 2 when there are any')
    .option('--full', 'compare the metadata and tags of every version now, not only of those that are due')
    .addOption(
      new Option('--sample <share>', 'the same for a share (0 to 1) of the versions, chosen at random')
        .argParser(numberBetween(0, 1))
        .default(0)
        .conflicts('full'),
    )
    .option('--bucket-deleted', 'confirm that a bucket that does not exist was deleted: removes its versions from the catalog')
    .option('--fresh', 'start at the first key, even if an earlier run was stopped')
    .addOption(new Option('--list', 'list the newest runs and their states').conflicts([...START_FLAGS, 'follow', 'stop']))
    .addOption(
      new Option('--follow <run>', 'show the progress of a run until it is finished; may be repeated')
        .argParser(parseId)
        .conflicts([...START_FLAGS, 'stop']),
    )
    .addOption(
      new Option('--stop <run>', 'stop a run at its next checkpoint; may be repeated').argParser(parseId).conflicts(START_FLAGS),
    )
    .addHelpText(
      'after',
      `
The reconciler of the catalog does the work: Ctrl-C only ends the command. A run that was stopped or has failed continues at
its checkpoint when the same command is given again.

Examples:
  npx catalog reconcile --dry-run
  npx catalog reconcile --prefix 2025/ --prefix 2026/ --full
  npx catalog reconcile --list
`,
    )
    .action(reconcileCommand)
  addTargetOptions(addRunOptions(command))
}

/** The flags that only a command that starts a run takes. */
const START_FLAGS = ['dryRun', 'bucketDeleted', 'full', 'sample', 'fresh', 'prefix', 'rate', 'grace']

type Flags = TargetFlags &
  RunFlags & {
    dryRun?: boolean
    bucketDeleted?: boolean
    full?: boolean
    sample: number
    fresh?: boolean
    list?: boolean
    follow?: number[]
    stop?: number[]
  }

async function reconcileCommand(flags: Flags): Promise<void> {
  const target = resolveTarget(flags)
  if (flags.list) return listRuns(target, flags)
  if (flags.stop) return stopRuns(target, flags, flags.stop)
  const { dryRun, bucketDeleted, fresh } = flags
  const sampleRate = flags.full ? 1 : flags.sample
  const started = flags.follow
    ? await Promise.all(flags.follow.map(id => getJson<Run>(target, '/reconcile', { id })))
    : await startRuns(target, flags, { kind: 'reconcile', dryRun, fresh, sampleRate, bucketDeleted })
  const runs = await followRuns(target, flags, started, await expectedVersions(target, started))
  if (flags.json) printLine(printableJson(await withDifferences(target, runs), 2))
  else {
    printFindings(runs)
    await printDifferences(target, flags, runs)
  }
  refuseUnsettled(runs, flags)
  const drift = runs.filter(({ isDryRun }) => isDryRun).reduce((sum, { findings }) => sum + driftOf(findings), 0)
  if (drift > 0)
    throw new CliError(`${formatCount(drift, 'difference')}; repair with ${repairCommand(runs, flags)}`, { exitCode: 2 })
  if (!flags.json) printNext(npxCommand('stats', flags))
}

/** The command that repairs what dry runs found: of the same prefixes, and with the same sample. */
function repairCommand(runs: Run[], flags: Flags): string {
  const [{ bucket, options }] = runs as [Run]
  const prefix = runs.map(run => run.prefix).filter(one => one !== '')
  const [rate, target] = flags.follow ? [undefined, { ...flags, bucket }] : [flags.rate, flags]
  return npxCommand(
    `reconcile${runFlags({ prefix, rate, sample: options.sampleRate, bucketDeleted: options.bucketDeleted })}`,
    target,
  )
}

async function listRuns(target: Target, flags: Flags): Promise<void> {
  const { items } = await getJson<{ items: Run[] }>(target, '/reconciles', { bucket: flags.bucket, limit: 20 })
  if (flags.json) return printLine(printableJson(items, 2))
  if (items.length === 0) return printLine('No runs yet.')
  printRuns(items)
  const open = items.find(({ state }) => state === 'running' || state === 'waiting')
  if (open) printNext(npxCommand(`reconcile --follow ${open.id}`, flags), npxCommand(`reconcile --stop ${open.id}`, flags))
}

async function stopRuns(target: Target, flags: Flags, ids: number[]): Promise<void> {
  const runs = await Promise.all(ids.map(id => deleteJson<Run>(target, '/reconcile', { id })))
  if (flags.json) return printLine(printableJson(runs, 2))
  for (const { id, state } of runs)
    printLine(state === 'running' ? `Run ${id} stops at its next checkpoint.` : `Run ${id} is stopped.`)
  printNext(npxCommand('reconcile --list', flags))
}

/** About as many versions as runs of whole buckets will compare: those of the catalog. 0 if unknown. */
async function expectedVersions(target: Target, runs: Run[]): Promise<number> {
  if (runs.some(({ prefix }) => prefix !== '')) return 0
  const { items } = await getJson<{ items: Jsonify<BucketStatistics>[] }>(target, '/buckets')
  const known = items.filter(({ bucket }) => runs.some(run => run.bucket === bucket))
  return known.reduce((sum, { versions, deleteMarkers }) => sum + versions + deleteMarkers, 0)
}
