import { type Command, InvalidArgumentError, Option } from 'commander'
import { openRun, type ReconcileRun } from '../../shared/catalog/reconcile-runs.ts'
import type { Client } from '../../shared/database/connection.ts'
import { Conflict } from '../../shared/errors.ts'
import { reconcile } from '../../shared/reconcile/reconcile.ts'
import { type Bucket, explained } from '../connect/bucket.ts'
import { Failure } from '../terminal/failure.ts'
import { note, printable, quoted } from '../terminal/print.ts'
import { onStopSignal } from '../terminal/signals.ts'
import { startReconcileProgress } from './progress.ts'

/** The flags of commands that compare the bucket with the catalog. */
export type RunFlags = { prefix: string[]; rate: number; grace: number; json?: boolean }

/** Gives a command the flags of RunFlags. */
export function withRun(command: Command): Command {
  return command
    .option(
      '--prefix <prefix>',
      'only keys that begin with this; several are worked on at the same time',
      (one, all: string[]) => [...all, one],
      [],
    )
    .addOption(new Option('--rate <n>', 'requests a second to S3, at most').argParser(atLeast(1)).default(500))
    .addOption(graceOption())
    .option('--json', 'what was found as JSON')
}

/** The flag `--grace`, in seconds. */
export function graceOption(): Option {
  return new Option('--grace <seconds>', 'how long an event may be on its way: what differs only so long is no drift')
    .argParser(atLeast(0))
    .default(60)
}

/** The prefixes of a command as they are typed. */
export function prefixesOf({ prefix }: RunFlags): string {
  return prefix.map(one => ` --prefix ${quoted(one)}`).join('')
}

/** What is compared: a dry run changes nothing, `fresh` starts over, `total` versions are known. */
export type RunPlan = { isDryRun?: boolean; sampleRate?: number; fresh?: boolean; total: number }

/** Works on a run for each prefix until they are done, or until Ctrl-C: then it throws Failure, and the same command goes on. */
export async function runAll(sql: Client, bucket: Bucket, flags: RunFlags, plan: RunPlan): Promise<ReconcileRun[]> {
  const prefixes = flags.prefix.length > 0 ? [...new Set(flags.prefix)] : ['']
  const signals = onStopSignal(() => note('\nStopping at a checkpoint ...'))
  const progress = startReconcileProgress(plan.total)
  const work = async (prefix: string) => {
    const scope = { bucket: bucket.name, prefix, isDryRun: plan.isDryRun }
    return reconcile(sql, bucket.s3, await openRun(sql, scope, plan.fresh), {
      requestsPerSecond: flags.rate / prefixes.length,
      sampleRate: plan.sampleRate,
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
      throw failed.reason instanceof Conflict ? new Failure(printable(failed.reason.message)) : explained(failed.reason, bucket)
    const runs = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
    if (runs.some(({ finishedAt }) => finishedAt === null)) {
      throw new Failure('Stopped. Run the same command again to go on where it was.', { exitCode: 130 })
    }
    return runs
  } finally {
    progress.end()
    signals.release()
  }
}

function atLeast(least: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (!/^\d+(\.\d+)?$/.test(text) || value < least) throw new InvalidArgumentError(`Must be a number, at least ${least}.`)
    return value
  }
}
