import type { S3Client } from '@aws-sdk/client-s3'
import { forgetDifferences, recordDifferences } from '../catalog/differences.ts'
import { driftOf, type Findings, type ReconcileRun } from '../catalog/reconcile-runs.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { Sql } from '../database/connection.ts'
import { GRACE_SECONDS, REFRESH_DAYS, REQUEST_RATE } from '../limits.ts'
import { refreshPeriod } from '../refresh-period.ts'
import { pacedClient } from '../s3/paced-client.ts'
import { isNoSuchBucket } from '../s3/requests.ts'
import { type Chunk, compareInChunks, type FinishedChunk, finishChunk, isDue, type Plan } from './chunks.ts'
import { removeDeletedBucket } from './deleted-bucket.ts'
import { nameUnsettled } from './unsettled.ts'
import { type HeldRun, type WorkOptions, workOnRun } from './work-on-run.ts'

/** Options of a reconcile. The defaults suit a bucket in use. */
export type ReconcileOptions = WorkOptions & {
  /** The most requests to S3 per second, 500 by default; AWS allows 5,500 reads a second per prefix. */
  requestsPerSecond?: number
  /**
   * A listing has no metadata and no tags, so S3 is asked about each version again after this many hours, 29 days less 6 hours by
   * default (`refreshPeriod`), at the first run that reads it then.
   */
  refreshHours?: number
  /** Share (0 to 1) of the other versions without differences that S3 is asked about as well, 0 by default. */
  sampleRate?: number
  /** The event of a younger difference may be on its way: it is drift only if it still exists after this time. */
  graceSeconds?: number
  /**
   * The bucket that the installation is configured for. While it exists, S3 is the right one, and the loss of another bucket is believed; its
   * own must be confirmed with the option `bucketDeleted` of the run.
   */
  homeBucket?: string
  clock?: Clock
  /** Chooses the sample, and spreads retries. */
  random?: () => number
}

/** Differences and responses that may wait at once: about 20 MB. */
const MAX_WAITING = 20_000

/**
 * Compares a bucket with the catalog, both streamed in the order of keys, and repairs the differences by asking S3 and writing the
 * responses as events are written: as of the time before the request, so that changes meanwhile are neither drift nor undone. Continues
 * after the run's checkpoint. Returns the run as it is when it ends or is stopped. Throws Conflict when another process works on it.
 */
export async function reconcile(
  sql: Sql,
  s3: S3Client,
  run: ReconcileRun<'reconcile'>,
  options: ReconcileOptions = {},
): Promise<ReconcileRun<'reconcile'>> {
  return workOnRun(sql, run, options, held => compare(sql, s3, held, options))
}

async function compare(
  sql: Sql,
  s3: S3Client,
  held: HeldRun<'reconcile'>,
  options: ReconcileOptions,
): Promise<ReconcileRun<'reconcile'>> {
  const {
    requestsPerSecond = REQUEST_RATE.default,
    refreshHours = refreshPeriod({ days: REFRESH_DAYS.default, hoursBetweenRuns: 24 }),
    sampleRate = 0,
    graceSeconds = GRACE_SECONDS.default,
    clock = systemClock,
    random = Math.random,
  } = options
  const { shouldStop } = held
  // Requests of the next page are counted while a chunk is saved.
  let requests = held.run.findings.requests
  const paced = pacedClient(s3, { requestsPerSecond, onRequest: () => requests++, clock, random })
  const asking = { refreshHours, sampleRate, random }
  const plan = { sql, s3: paced, run: held.run, requestsPerSecond, ...asking, graceSeconds, shouldStop, clock }
  const save = async (chunk: FinishedChunk) => {
    const before = held.run.findings
    // Before the checkpoint, so that a run that is killed in between loses none.
    await recordDifferences(sql, held.run.id, chunk.differences, driftOf(before))
    const result = { unsettled: nameUnsettled(held.run.result?.unsettled ?? [], chunk.failures) }
    await held.save({ findings: { ...add(before, chunk.findings), requests }, checkpoint: chunk.last, result })
  }
  const end = (isFinished: boolean) => {
    const result = held.run.result ?? { unsettled: [] }
    return held.save({ findings: { ...held.run.findings, requests }, result }, isFinished)
  }

  if (held.run.checkpoint === null) await forgetDifferences(sql, held.run.id)
  try {
    return await end(await compareAll(plan, save))
  } catch (error) {
    if (!isNoSuchBucket(error)) throw error
    const removed = removeDeletedBucket({ ...plan, run: held.run, homeBucket: options.homeBucket }, error)
    for (;;) {
      const { value, done } = await removed.next()
      if (done) return end(value)
      await save(value)
    }
  }
}

/** Compares and saves chunk by chunk. Returns whether it reached the last key. */
async function compareAll(plan: Plan, save: (chunk: FinishedChunk) => Promise<void>): Promise<boolean> {
  const { shouldStop } = plan
  const open: Chunk[] = []
  let isCutShort = false
  const waiting = () => open.reduce((sum, { differing, asked }) => sum + differing.length + asked.equal.length, 0)
  for await (const chunk of compareInChunks(plan)) {
    open.push(chunk)
    while (open[0] && (isDue(plan, open[0]) || (waiting() > MAX_WAITING && (await untilDue(plan, open[0]))))) {
      await save(await finishChunk(plan, open.shift()!))
      // One chunk is seconds of work; all that are due can be minutes.
      if (shouldStop()) break
    }
    isCutShort = shouldStop()
    if (isCutShort) break
  }
  while (open[0] && !shouldStop() && (await untilDue(plan, open[0]))) await save(await finishChunk(plan, open.shift()!))
  return !isCutShort && open.length === 0
}

/** Waits until a chunk is due; false when the run must stop before. */
async function untilDue(plan: Plan, chunk: Chunk): Promise<boolean> {
  while (!isDue(plan, chunk) && !plan.shouldStop()) await plan.clock.sleep(Math.min(500, chunk.dueAt - plan.clock.now()))
  return isDue(plan, chunk)
}

function add(findings: Findings, more: Partial<Findings>): Findings {
  const sum = (name: keyof Findings) => findings[name] + (more[name] ?? 0)
  return {
    versions: sum('versions'),
    requests: sum('requests'),
    missing: sum('missing'),
    orphaned: sum('orphaned'),
    stale: sum('stale'),
    wrongLatest: sum('wrongLatest'),
    wrongMetadata: sum('wrongMetadata'),
    repaired: sum('repaired'),
    refreshed: sum('refreshed'),
    oldestSeconds: Math.max(findings.oldestSeconds, more.oldestSeconds ?? 0),
    disagreeing: sum('disagreeing'),
    unsettled: sum('unsettled'),
  }
}
