import type { Command } from 'commander'
import type { BackfillPreview } from '../../../shared/catalog/run-results.ts'
import { MANIFEST_URL } from '../../../shared/names.ts'
import { addTargetOptions, npxCommand, resolveTarget, type Target, type TargetFlags } from '../../connect/target.ts'
import { followRuns, startRuns } from '../../reconcile/follow.ts'
import { addRunOptions, type RunFlags, runFlags } from '../../reconcile/options.ts'
import { printFindings, refuseUnsettled } from '../../reconcile/print-runs.ts'
import { CliError } from '../../terminal/cli-error.ts'
import { formatCount, printable, printableJson, printLine, printNext } from '../../terminal/print.ts'

/** `catalog backfill`: indexes what a bucket held before the catalog followed it. */
export function addBackfill(program: Command): void {
  const command = program
    .command('backfill')
    .description('index what the bucket held before the catalog followed it')
    .option('--preview', 'estimate requests, costs and time, and change nothing')
    .option('--inventory <s3-url>', 'index the versions of an S3 Inventory report: s3://bucket/.../manifest.json')
    .addHelpText(
      'after',
      `
The reconciler of the catalog does the work: Ctrl-C only ends the command. See npx catalog reconcile --help for how to follow, stop
and continue a run.

Examples:
  npx catalog backfill --preview
  npx catalog backfill --prefix archive/ --rate 2000
`,
    )
    .action(backfill)
  addTargetOptions(addRunOptions(command))
}

type Flags = TargetFlags & RunFlags & { preview?: boolean; inventory?: string }

async function backfill(flags: Flags): Promise<void> {
  if (flags.preview && flags.inventory) throw new CliError('--preview and --inventory cannot be combined')
  const target = resolveTarget(flags)
  if (flags.inventory) return backfillFromInventory(target, flags, flags.inventory)
  const started = await startRuns(target, flags, { kind: 'preview' })
  const previews = (await followRuns(target, flags, started, 0)).flatMap(({ result }) => result ?? [])
  if (!flags.json) for (const preview of previews) printPreview(preview)
  if (flags.preview)
    return flags.json ? printLine(printableJson(previews, 2)) : printNext(npxCommand(`backfill${runFlags(flags)}`, flags))
  const total = previews.reduce((sum, { versions, deleteMarkers }) => sum + versions + deleteMarkers, 0)
  const runs = await followRuns(target, flags, await startRuns(target, flags, { kind: 'reconcile' }), total)
  if (flags.json) printLine(printableJson(runs, 2))
  else printFindings(runs)
  refuseUnsettled(runs, flags)
  if (flags.json) return
  printNext(npxCommand('stats', flags), npxCommand('reconcile --dry-run --sample 0.01', flags))
}

/** A report lacks versions that are newer than it; a reconcile finds them. */
async function backfillFromInventory(target: Target, flags: Flags, manifest: string): Promise<void> {
  if (!MANIFEST_URL.test(manifest))
    throw new CliError(`--inventory must be s3://bucket/.../manifest.json, not ${printable(manifest)}`)
  if (flags.prefix.length > 1) throw new CliError('--inventory allows one --prefix')
  const started = await startRuns(target, flags, { kind: 'inventory', manifest })
  const runs = await followRuns(target, flags, started, 0)
  if (flags.json) printLine(printableJson(runs, 2))
  for (const { findings } of flags.json ? [] : runs) {
    const [rows, requests] = [formatCount(findings.versions, 'row'), formatCount(findings.requests, 'request')]
    printLine(`${rows} of the report, ${findings.repaired.toLocaleString('en')} indexed with ${requests}`)
  }
  refuseUnsettled(runs, flags)
  if (flags.json) return
  printNext(npxCommand(`reconcile${runFlags(flags)}`, flags))
}

function printPreview(preview: BackfillPreview): void {
  const { bucket, prefix, isExact, versions, deleteMarkers, cataloged, requests, costUsd, seconds } = preview
  const about = isExact ? '' : 'about '
  const inBucket = `${formatCount(versions, 'version')} and ${formatCount(deleteMarkers, 'delete marker')}`
  printLine(`${printable(`${bucket}/${prefix}`)}: ${about}${inBucket}, ${cataloged.toLocaleString('en')} in the catalog`)
  const [list, head, tagging] = [requests.list, requests.head, requests.tagging].map(count => count.toLocaleString('en'))
  printLine(`  ${about}${formatCount(requests.total, 'request')}: ${list} LIST, ${head} HEAD, ${tagging} GetObjectTagging`)
  const costs = costUsd < 0.01 ? 'less than $0.01' : `${about}$${costUsd.toFixed(2)}`
  const time = `${about}${formatDuration(seconds)} at this rate`
  printLine(`  estimate: ${costs} at list prices of S3 Standard in us-east-1, ${time}`)
  if (!isExact) printLine('  Estimated from the share of the key range that the first pages cover.')
}

function formatDuration(seconds: number): string {
  if (seconds < 90) return formatCount(seconds, 'second')
  return seconds < 5400 ? formatCount(Math.round(seconds / 60), 'minute') : `${(seconds / 3600).toFixed(1)} hours`
}
