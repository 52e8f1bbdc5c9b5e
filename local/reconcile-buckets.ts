import type { S3Client } from '@aws-sdk/client-s3'
import { reconciler } from '../functions/jobs/reconcile.ts'
import { driftOf } from '../shared/catalog/reconcile-runs.ts'
import { releaseLeases } from '../shared/catalog/run-leases.ts'
import { bucketsWithVersions } from '../shared/catalog/versions.ts'
import type { Sql } from '../shared/database/connection.ts'
import { refreshPeriod } from '../shared/refresh-period.ts'
import { allBuckets } from './s3/store/buckets.ts'
import type { Store } from './s3/store/store.ts'
import { schedule } from './schedule.ts'
import type { EventSource } from './sqs/event-source.ts'

/** What the reconciler of this machine uses; `log` is called for differences only. */
export type LocalReconcilerDependencies = {
  sql: Sql
  s3: S3Client
  /** The buckets to compare. */
  buckets: () => Promise<string[]>
  /** Seconds between the end of one comparison and the start of the next. */
  everySeconds: number
  source: EventSource
  refreshDays: number
  /** While this bucket exists, others that do not were deleted. */
  homeBucket: string
  log: (line: string) => void
}

/** The reconciler in this process. `startRun` works on a run without waiting for it; `close` stops all runs at a checkpoint. */
export type LocalReconciler = { startRun(runId: number): Promise<void>; close(): Promise<void> }

/** Once a day, as the EventBridge rule on AWS. */
export const DAILY = 24 * 3600

/** A limit, because the S3 endpoint runs in the same process as everything else. */
const REQUESTS_PER_SECOND = 200

/** A run starts when no event waits, and one that arrives then is indexed within a fraction of this. */
const GRACE_SECONDS = 5

/**
 * Compares the buckets with the catalog at once and then repeatedly, and repairs the catalog; works on the runs that the API starts. A
 * run that `close` stops continues at the next start, or when it is started again.
 */
export async function startReconciler(
  dependencies: LocalReconcilerDependencies,
  onError: (error: unknown) => void,
): Promise<LocalReconciler> {
  const { sql, s3, buckets: bucketsToCompare, everySeconds, source, refreshDays, homeBucket, log } = dependencies
  // This process has started Postgres, so no other process works on a run.
  await releaseLeases(sql)
  const closing = new AbortController()
  const started = new Set<Promise<unknown>>()
  const refreshHours = refreshPeriod({ days: refreshDays, hoursBetweenRuns: everySeconds / 3600 })
  const settings = { sql, s3, bucket: homeBucket, requestsPerSecond: REQUESTS_PER_SECOND, refreshHours, log: () => undefined }
  const work = reconciler(settings)
  const workRepeatedly = reconciler({ ...settings, graceSeconds: GRACE_SECONDS })
  const context = { getRemainingTimeInMillis: () => (closing.signal.aborted ? 0 : Number.POSITIVE_INFINITY) }

  const compare = async (bucket: string) => {
    const { done, run } = await workRepeatedly({ bucket }, context)
    const drift = driftOf(run.findings)
    if (done && drift > 0) log(`Bucket ${bucket} differed from the catalog: ${drift} found, ${run.findings.repaired} repaired`)
    const { unsettled = [] } = done && run.result && 'unsettled' in run.result ? run.result : {}
    for (const { key, reason } of unsettled) log(`Key ${JSON.stringify(key)} of bucket ${bucket} could not be settled: ${reason}`)
  }
  const compareAll = async () => {
    const buckets = await bucketsToCompare()
    await Promise.race([source.drained(), aborted(closing.signal)])
    for (const bucket of buckets) if (!closing.signal.aborted) await compare(bucket).catch(onError)
  }
  const comparing = schedule(everySeconds * 1000, compareAll, onError)
  return {
    async startRun(runId) {
      if (closing.signal.aborted) return
      const running = work({ runId }, context).catch(onError)
      started.add(running)
      running.finally(() => started.delete(running))
    },
    async close() {
      closing.abort()
      await Promise.all([comparing.close(), ...started])
    },
  }
}

/** The buckets of this machine with something to compare, also those that only the catalog has; one that is empty on both sides is equal. */
export async function bucketsInUse(sql: Sql, store: Store): Promise<string[]> {
  const names = allBuckets(store).map(({ name }) => name)
  const full = names.filter(name => store.sql.get`select 1 from version where bucket = ${name} limit 1` !== undefined)
  return [...new Set([...full, ...(await bucketsWithVersions(sql))])].sort()
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
