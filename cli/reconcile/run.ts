import { type Command, InvalidArgumentError, Option } from 'commander'
import { openRun, type ReconcileRun } from '../../shared/catalog/reconcile-runs.ts'
import type { Client } from '../../shared/database/connection.ts'
import { Conflict } from '../../shared/errors.ts'
import { reconcile } from '../../shared/reconcile/reconcile.ts'
import { type Bucket, explainS3Error } from '../connect/bucket.ts'
import { CliError } from '../terminal/cli-error.ts'
import { logLine, printable, shellQuote } from '../terminal/print.ts'
import { onStopSignal } from '../terminal/signals.ts'
import { startReconcileProgress } from './progress.ts'

/** The flags of commands that compare the bucket with the catalog. */
export type RunFlags = { prefix: string[]; rate: number; grace: number; json?: boolean }

/** Gives a command the flags of RunFlags. */
export function addRunOptions(command: Command): Command {
  return command
    .option(
      '--prefix <prefix>',
      'only keys that begin with this; several are worked on at the same time',
      (one, all: string[]) => [...all, one],
      [],
    )
    .addOption(new Option('--rate <n>', 'requests a second to S3, at most').argParser(parseAtLeast(1)).default(500))
    .addOption(graceOption())
    .option('--json', 'what was found as JSON')
}

/** The flag `--grace`, in seconds. */
export function graceOption(): Option {
  return new Option('--grace <seconds>', 'how long an event may be on its way: what differs only so long is no drift')
    .argParser(parseAtLeast(0))
    .default(60)
}

/** The prefixes of a command as they are typed. */
export function prefixFlags({ prefix }: RunFlags): string {
  return prefix.map(one => ` --prefix ${shellQuote(one)}`).join('')
}

/** What is compared: a dry run changes nothing, `fresh` starts over, `total` versions are known. */
export type RunOptions = { isDryRun?: boolean; sampleRate?: number; fresh?: boolean; total: number }

/** Works on a run for each prefix until they are done, or until Ctrl-C: then it throws CliError, and the same command goes on. */
export async function runReconciles(sql: Client, bucket: Bucket, flags: RunFlags, options: RunOptions): Promise<ReconcileRun[]> {
  const prefixes = flags.prefix.length > 0 ? [...new Set(flags.prefix)] : ['']
  const signals = onStopSignal(() => logLine('\nStopping at a checkpoint ...'))
  const progress = startReconcileProgress(options.total)
  const work = async (prefix: string) => {
    const scope = { bucket: bucket.name, prefix, isDryRun: options.isDryRun }
    return reconcile(sql, bucket.s3, await openRun(sql, scope, options.fresh), {
      requestsPerSecond: flags.rate / prefixes.length,
      sampleRate: options.sampleRate,
      graceSeconds: flags.grace,
      onProgress: ({ findings }) => progress.show(prefix, findings),
      shouldStop: () => signals.signal.aborted,
    })
  }
  try {
    const results = await Promise.allSettled(prefixes.map(work))
    progress.end()
    const failed = results.find(result => result.status === 'rejected')
    if (failed)
      throw failed.reason instanceof Conflict
        ? new CliError(printable(failed.reason.message))
        : explainS3Error(failed.reason, bucket)
    const runs = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
    if (runs.some(({ finishedAt }) => finishedAt === null)) {
      throw new CliError('Stopped. Run the same command again to go on where it was.', { exitCode: 130 })
    }
    return runs
  } finally {
    progress.end()
    signals.release()
  }
}

function parseAtLeast(least: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (!/^\d+(\.\d+)?$/.test(text) || value < least) throw new InvalidArgumentError(`Must be a number, at least ${least}.`)
    return value
  }
}
