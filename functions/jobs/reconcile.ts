import { type S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import type { Context } from 'aws-lambda'
import { driftOf, getRun, openRun, type ReconcileRun, recordFailure } from '../../shared/catalog/reconcile-runs.ts'
import type { Sql } from '../../shared/database/connection.ts'
import { Conflict, Invalid } from '../../shared/errors.ts'
import { continueRun } from '../../shared/reconcile/continue-run.ts'
import type { ReconcileOptions } from '../../shared/reconcile/reconcile.ts'
import type { Measure } from '../runtime/metrics.ts'
import { taskOf } from './reconcile-event.ts'

/** What the reconciler uses. The options are for runs that have none of their own. */
export type ReconcilerDependencies = Pick<
  ReconcileOptions,
  'requestsPerSecond' | 'refreshHours' | 'sampleRate' | 'graceSeconds' | 'clock' | 'random'
> & {
  sql: Sql
  s3: S3Client
  /** The bucket that the installation is configured for; a rule compares it. */
  bucket: string
  /** Invokes this function with another event, without waiting for it. */
  continueLater?: (event: { runId: number }) => Promise<unknown>
  /** Called for each reconcile that is finished. */
  measure?: Measure
  log?: (entry: object) => void
}

/** `done` when the run is finished; otherwise it continues later, was stopped, has failed, or another invocation works on it. */
export type ReconcileResult = { done: boolean; run: ReconcileRun }

/** Milliseconds of an invocation that are kept for the last step and its checkpoint. */
const RESERVE_MS = 60_000

/**
 * The reconciler. An EventBridge rule compares the whole bucket; `{ bucket, prefix?, dryRun? }` starts or continues a reconcile,
 * `{ runId }` a run of any kind. Before the time is over it saves a checkpoint and continues in another invocation. Does nothing while another
 * invocation works on the run. An error is recorded in the run, and thrown except when the caller of `{ runId }` caused it (a missing
 * bucket, a bad report). Throws Invalid for other events.
 */
export function reconciler(
  dependencies: ReconcilerDependencies,
): (event: unknown, context: Pick<Context, 'getRemainingTimeInMillis'>) => Promise<ReconcileResult> {
  const { sql, s3, bucket, continueLater, measure, log = logJson, ...options } = dependencies
  return async (event, context) => {
    const task = taskOf(event, bucket)
    const reserve = Math.min(RESERVE_MS, context.getRemainingTimeInMillis() / 2)
    const shouldStop = () => context.getRemainingTimeInMillis() < reserve
    const opened = 'runId' in task ? await getRun(sql, task.runId) : await openRun(sql, task)
    // Lambda may deliver an event twice.
    if (opened.finishedAt !== null) return { done: true, run: opened }
    try {
      const run = await continueRun(sql, s3, opened, { ...options, homeBucket: bucket, shouldStop })
      log({ level: run.findings.unsettled > 0 ? 'error' : 'info', message: 'reconciled', ...run })
      if (run.finishedAt === null && run.stopRequestedAt === null) await continueLater?.({ runId: run.id })
      if (run.finishedAt !== null && run.kind === 'reconcile')
        measure?.({
          Drift: driftOf(run.findings),
          OldestObservation: run.findings.oldestSeconds,
          KeysUnsettled: run.findings.unsettled,
          ...(run.isDryRun ? {} : { ReconcilesFinished: 1 }),
        })
      return { done: run.finishedAt !== null, run }
    } catch (error) {
      if (error instanceof Conflict) {
        log({ level: 'info', message: 'skipped', reason: error.message })
        return { done: false, run: opened }
      }
      const run = await recordFailure(sql, opened.id, describe(error))
      if (!('runId' in task) || !isCausedByCaller(error)) throw error
      log({ level: 'info', message: 'failed', ...run })
      return { done: false, run }
    }
  }
}

/** A bucket that does not exist or may not be read, or a report that is not one: a retry would not help, and nobody needs to be alarmed. */
function isCausedByCaller(error: unknown): boolean {
  if (error instanceof Invalid) return true
  const { httpStatusCode = 0 } = error instanceof S3ServiceException ? error.$metadata : {}
  return httpStatusCode >= 400 && httpStatusCode < 500
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error instanceof Invalid ? error.message : `${error.name}: ${error.message}`
}

function logJson(entry: object): void {
  console.log(JSON.stringify(entry))
}
