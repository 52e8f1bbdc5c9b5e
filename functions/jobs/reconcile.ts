import type { S3Client } from '@aws-sdk/client-s3'
import type { Context } from 'aws-lambda'
import { driftOf, getRun, openRun, type ReconcileRun, type ReconcileScope } from '../../shared/catalog/reconcile-runs.ts'
import type { Sql } from '../../shared/database/connection.ts'
import { Conflict, Invalid } from '../../shared/errors.ts'
import { reconcile } from '../../shared/reconcile/reconcile.ts'
import type { Measure } from '../clients/metrics.ts'
import { eventOf, type ReconcileTask, tasksOf } from './reconcile-event.ts'

/** What the reconciler stands on. `invokeLater` starts this very function with another event, without waiting for it. */
export type ReconcilerDependencies = {
  sql: Sql
  s3: S3Client
  scopes: ReconcileScope[]
  requestsPerSecond: number
  sampleRate: number
  graceSeconds?: number
  invokeLater?: (event: unknown) => Promise<unknown>
  /** Tells of each run that reached its end. */
  measure?: Measure
}

/** `done` when every run is finished; those that are not go on behind their checkpoints. */
export type ReconcileResult = { done: boolean; runs: ReconcileRun[] }

/** Milliseconds of an invocation that are left for the last step and its checkpoint. */
const RESERVE_MS = 60_000

/**
 * The reconciler: an EventBridge rule starts all scopes, each in an invocation of its own; `{ bucket, prefix?, dryRun?, runId? }`
 * starts or goes on with one. Before the time is over it saves the checkpoint and goes on in another invocation. A scope that is
 * being worked on is left alone. Throws Invalid for other events and configurations.
 */
export function reconciler(
  parts: ReconcilerDependencies,
): (event: unknown, context: Pick<Context, 'getRemainingTimeInMillis'>) => Promise<ReconcileResult> {
  const { requestsPerSecond, sampleRate, invokeLater } = parts
  if (!(requestsPerSecond > 0)) throw new Invalid('RECONCILE_REQUESTS_PER_SECOND must be a number greater than 0')
  if (!(sampleRate >= 0 && sampleRate <= 1)) throw new Invalid('RECONCILE_SAMPLE_RATE must be a number from 0 to 1')

  return async (event, context) => {
    const tasks = tasksOf(event, parts.scopes)
    if (tasks.length > 1 && invokeLater) {
      await Promise.all(tasks.map(task => invokeLater(eventOf(task))))
      return { done: false, runs: [] }
    }
    const reserve = Math.min(RESERVE_MS, context.getRemainingTimeInMillis() / 2)
    const shouldStop = () => context.getRemainingTimeInMillis() < reserve
    // In one process they share what S3 may be asked.
    const pace = requestsPerSecond / tasks.length
    const results = await Promise.allSettled(tasks.map(task => work({ ...parts, requestsPerSecond: pace }, task, shouldStop)))
    const failed = results.find(result => result.status === 'rejected')
    if (failed) throw failed.reason
    const runs = results.flatMap(result => (result.status === 'fulfilled' && result.value ? [result.value] : []))
    for (const run of runs) console.log(JSON.stringify({ level: 'info', message: 'reconciled', ...run }))
    return { done: runs.length === tasks.length && runs.every(({ finishedAt }) => finishedAt !== null), runs }
  }
}

/** Undefined when another is at work on it. */
async function work(
  parts: ReconcilerDependencies,
  task: ReconcileTask,
  shouldStop: () => boolean,
): Promise<ReconcileRun | undefined> {
  const { sql, s3, requestsPerSecond, sampleRate, graceSeconds, invokeLater, measure } = parts
  const opened = task.runId === undefined ? await openRun(sql, task) : await getRun(sql, task.runId)
  // Events may be delivered twice.
  if (opened.finishedAt !== null) return opened
  try {
    const run = await reconcile(sql, s3, opened, { requestsPerSecond, sampleRate, graceSeconds, shouldStop })
    if (run.finishedAt === null) await invokeLater?.(eventOf({ ...task, runId: run.id }))
    else measure?.({ Drift: driftOf(run.findings), ...(run.isDryRun ? {} : { ReconcilesFinished: 1 }) })
    return run
  } catch (error) {
    if (!(error instanceof Conflict)) throw error
    console.log(JSON.stringify({ level: 'info', message: 'left alone', reason: error.message }))
  }
}
