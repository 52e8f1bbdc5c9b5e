import type { S3Client } from '@aws-sdk/client-s3'
import type { Context } from 'aws-lambda'
import { driftOf, getRun, openRun, type ReconcileRun } from '../../shared/catalog/reconcile-runs.ts'
import type { Sql } from '../../shared/database/connection.ts'
import { Conflict } from '../../shared/errors.ts'
import { type ReconcileOptions, reconcile } from '../../shared/reconcile/reconcile.ts'
import type { Measure } from '../clients/metrics.ts'
import { eventOf, taskOf } from './reconcile-event.ts'

/** What the reconciler uses. */
export type ReconcilerDependencies = Pick<ReconcileOptions, 'requestsPerSecond' | 'sampleRate' | 'graceSeconds'> & {
  sql: Sql
  s3: S3Client
  /** The bucket that a rule compares. */
  bucket: string
  /** Invokes this function with another event, without waiting for it. */
  continueLater?: (event: unknown) => Promise<unknown>
  /** Called for each run that is finished. */
  measure?: Measure
}

/** `done` when the run is finished; otherwise it continues later, or another invocation works on it. */
export type ReconcileResult = { done: boolean; run?: ReconcileRun }

/** Milliseconds of an invocation that are kept for the last step and its checkpoint. */
const RESERVE_MS = 60_000

/**
 * The reconciler. An EventBridge rule compares the whole bucket; `{ bucket, prefix?, dryRun?, runId? }` starts or continues one run. Before the
 * time is over it saves a checkpoint and continues in another invocation. Does nothing while another invocation works on the run.
 * Throws Invalid for other events.
 */
export function reconciler(
  dependencies: ReconcilerDependencies,
): (event: unknown, context: Pick<Context, 'getRemainingTimeInMillis'>) => Promise<ReconcileResult> {
  const { sql, s3, bucket, continueLater, measure, ...options } = dependencies
  return async (event, context) => {
    const task = taskOf(event, bucket)
    const reserve = Math.min(RESERVE_MS, context.getRemainingTimeInMillis() / 2)
    const shouldStop = () => context.getRemainingTimeInMillis() < reserve
    const opened = task.runId === undefined ? await openRun(sql, task) : await getRun(sql, task.runId)
    // Lambda may deliver an event twice.
    if (opened.finishedAt !== null) return { done: true, run: opened }
    try {
      const run = await reconcile(sql, s3, opened, { ...options, shouldStop })
      if (run.finishedAt === null) await continueLater?.(eventOf({ ...task, runId: run.id }))
      else measure?.({ Drift: driftOf(run.findings), ...(run.isDryRun ? {} : { ReconcilesFinished: 1 }) })
      console.log(JSON.stringify({ level: 'info', message: 'reconciled', ...run }))
      return { done: run.finishedAt !== null, run }
    } catch (error) {
      if (!(error instanceof Conflict)) throw error
      console.log(JSON.stringify({ level: 'info', message: 'skipped', reason: error.message }))
      return { done: false }
    }
  }
}
