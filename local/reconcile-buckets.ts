import type { S3Client } from '@aws-sdk/client-s3'
import { driftOf, openRun, releaseLeases } from '../shared/catalog/reconcile-runs.ts'
import { bucketsWithVersions } from '../shared/catalog/versions.ts'
import type { Sql } from '../shared/database/connection.ts'
import { Conflict } from '../shared/errors.ts'
import { reconcile } from '../shared/reconcile/reconcile.ts'
import { allBuckets } from './s3/store/buckets.ts'
import type { Store } from './s3/store/store.ts'
import { type Schedule, schedule } from './schedule.ts'
import type { EventSource } from './sqs/event-source.ts'

/** What the reconciler of this machine stands on; `log` is told of differences only. */
export type LocalReconcilerParts = {
  sql: Sql
  s3: S3Client
  store: Store
  source: EventSource
  log: (line: string) => void
}

/** Once a day, as the rule in the cloud does. */
const EVERY_MS = 24 * 3600 * 1000

/** The endpoint shares this process with everything else. */
const REQUESTS_PER_SECOND = 200

/** It begins when no event waits, and one that comes then is indexed within a fraction of this. */
const GRACE_SECONDS = 5

/**
 * Compares every bucket that is there with the catalog, at once and then daily, buckets made later included, and repairs the catalog.
 * Closed in the middle it stops at a checkpoint, and the next start goes on there.
 */
export async function startReconciler(parts: LocalReconcilerParts, onError: (error: unknown) => void): Promise<Schedule> {
  // Postgres was started by this process, so whoever held a run is gone.
  await releaseLeases(parts.sql)
  return schedule(EVERY_MS, stop => compareAll(parts, stop, onError), onError)
}

async function compareAll(parts: LocalReconcilerParts, stop: AbortSignal, onError: (error: unknown) => void): Promise<void> {
  const buckets = await bucketsInUse(parts)
  await Promise.race([parts.source.drained(), stopped(stop)])
  for (const bucket of buckets) {
    if (!stop.aborted) await compare(parts, bucket, stop).catch(onError)
  }
}

/** A bucket that is empty on both sides is equal: the first start has nothing to compare. */
async function bucketsInUse({ sql, store }: LocalReconcilerParts): Promise<string[]> {
  const names = allBuckets(store).map(({ name }) => name)
  const full = names.filter(name => store.sql.get`select 1 from version where bucket = ${name} limit 1` !== undefined)
  const known = await bucketsWithVersions(sql, names)
  return names.filter(name => full.includes(name) || known.includes(name))
}

async function compare({ sql, s3, log }: LocalReconcilerParts, bucket: string, stop: AbortSignal): Promise<void> {
  try {
    const { findings, finishedAt } = await reconcile(sql, s3, await openRun(sql, { bucket }), {
      requestsPerSecond: REQUESTS_PER_SECOND,
      graceSeconds: GRACE_SECONDS,
      shouldStop: () => stop.aborted,
    })
    const drift = driftOf(findings)
    if (finishedAt !== null && drift > 0)
      log(`Bucket ${bucket} differed from the catalog: ${drift} found, ${findings.repaired} repaired`)
  } catch (error) {
    // Somebody runs `npx catalog reconcile` right now.
    if (!(error instanceof Conflict)) throw error
  }
}

function stopped(stop: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (stop.aborted) resolve()
    else stop.addEventListener('abort', () => resolve(), { once: true })
  })
}
