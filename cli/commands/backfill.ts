import type { Command } from 'commander'
import type { Client } from '../../shared/database/connection.ts'
import { Invalid } from '../../shared/errors.ts'
import { backfillFromInventory } from '../../shared/reconcile/backfill-inventory.ts'
import { type BackfillPreview, previewBackfill } from '../../shared/reconcile/preview.ts'
import { readInventory, readManifest } from '../../shared/s3/inventory.ts'
import { type Bucket, checkBucketAccess, explainS3Error, openBucket } from '../connect/bucket.ts'
import { openDatabase } from '../connect/database.ts'
import { addTargetOptions, npxCommand, resolveTarget, type TargetFlags } from '../connect/target.ts'
import { startReconcileProgress } from '../reconcile/progress.ts'
import { addRunOptions, prefixFlags, type RunFlags, runReconciles } from '../reconcile/run.ts'
import { CliError } from '../terminal/cli-error.ts'
import { formatCount, printable, printableJson, printLine, printNext } from '../terminal/print.ts'
import { onStopSignal } from '../terminal/signals.ts'
import { printRuns } from './reconcile.ts'

/** `catalog backfill`: takes a bucket that was there before the catalog into it. */
export function addBackfill(program: Command): void {
  const command = program
    .command('backfill')
    .description('take what the bucket held before the catalog followed it; stopped, it goes on where it was')
    .option('--preview', 'tell how many requests, how much money and time it takes, and do nothing')
    .option('--inventory <s3-url>', 'take what a report of S3 Inventory names: s3://bucket/.../manifest.json')
    .addHelpText('after', '\nExamples:\n  npx catalog backfill --preview\n  npx catalog backfill --prefix archive/ --rate 2000\n')
    .action(backfill)
  addTargetOptions(addRunOptions(command))
}

type Flags = TargetFlags & RunFlags & { preview?: boolean; inventory?: string }

async function backfill(flags: Flags): Promise<void> {
  const target = resolveTarget(flags)
  const bucket = openBucket(target)
  await checkBucketAccess(bucket)
  const sql = openDatabase(target)
  try {
    if (flags.inventory) return await backfillFromReport(sql, bucket, flags, flags.inventory)
    const previews = []
    for (const prefix of flags.prefix.length > 0 ? flags.prefix : ['']) {
      previews.push(await previewBackfill(bucket.s3, sql, { bucket: bucket.name, prefix, requestsPerSecond: flags.rate }))
    }
    if (!flags.json) for (const preview of previews) printPreview(preview)
    if (flags.preview)
      return flags.json ? printLine(printableJson(previews, 2)) : printNext(npxCommand(`backfill${prefixFlags(flags)}`, flags))
    const total = previews.reduce((sum, { versions, deleteMarkers }) => sum + versions + deleteMarkers, 0)
    const runs = await runReconciles(sql, bucket, flags, { total })
    if (flags.json) return printLine(printableJson(runs, 2))
    printRuns(runs)
    printNext(npxCommand('stats', flags), npxCommand('reconcile --dry-run --sample 0.01', flags))
  } finally {
    await sql.end({ timeout: 5 })
  }
}

function printPreview(preview: BackfillPreview): void {
  const { bucket, prefix, isExact, versions, deleteMarkers, cataloged, requests, costUsd, seconds } = preview
  const about = isExact ? '' : 'about '
  printLine(
    `${printable(`${bucket}/${prefix}`)}: ${about}${formatCount(versions, 'version')} and ${formatCount(deleteMarkers, 'delete marker')}, ${cataloged.toLocaleString('en')} in the catalog`,
  )
  printLine(
    `  ${about}${formatCount(requests.total, 'request')}: ${requests.list.toLocaleString('en')} LIST, ${requests.head.toLocaleString('en')} HEAD, ${requests.tagging.toLocaleString('en')} GetObjectTagging`,
  )
  printLine(
    `  estimate: ${costUsd < 0.01 ? 'less than $0.01' : `${about}$${costUsd.toFixed(2)}`} at list prices of S3 Standard in us-east-1, ${about}${formatDuration(seconds)} at this rate`,
  )
  if (!isExact) printLine('  Estimated from how much of the range of keys the first pages cover.')
}

/** A report names no versions that are newer than it; a reconcile finds them. */
async function backfillFromReport(sql: Client, bucket: Bucket, flags: Flags, url: string): Promise<void> {
  const [, from, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(url) ?? []
  if (!from || !key) throw new CliError(`--inventory must be s3://bucket/.../manifest.json, not ${printable(url)}`)
  if (flags.prefix.length > 1) throw new CliError('Of an inventory one prefix can be taken at a time')
  const signals = onStopSignal(() => undefined)
  const progress = startReconcileProgress(0)
  try {
    const manifest = await readManifest(bucket.s3, { bucket: from, key })
    if (manifest.sourceBucket !== bucket.name)
      throw new CliError(`That inventory is of ${printable(manifest.sourceBucket)}, not of ${bucket.name}`)
    const findings = await backfillFromInventory(sql, bucket.s3, readInventory(bucket.s3, manifest), {
      bucket: bucket.name,
      prefix: flags.prefix[0],
      requestsPerSecond: flags.rate,
      onProgress: found => progress.show('', found),
      shouldStop: () => signals.signal.aborted,
    })
    progress.end()
    if (signals.signal.aborted)
      throw new CliError('Stopped. Run the same command again to go on where it was.', { exitCode: 130 })
    if (flags.json) return printLine(printableJson(findings, 2))
    printLine(
      `${formatCount(findings.versions, 'row')} of the report, ${findings.repaired.toLocaleString('en')} taken in with ${formatCount(findings.requests, 'request')}`,
    )
    printNext(npxCommand(`reconcile${prefixFlags(flags)}`, flags))
  } catch (error) {
    throw error instanceof Invalid ? new CliError(printable(error.message)) : explainS3Error(error, bucket)
  } finally {
    progress.end()
    signals.release()
  }
}

function formatDuration(seconds: number): string {
  if (seconds < 90) return formatCount(seconds, 'second')
  return seconds < 5400 ? formatCount(Math.round(seconds / 60), 'minute') : `${(seconds / 3600).toFixed(1)} hours`
}
