import { setTimeout as sleep } from 'node:timers/promises'
import type { S3Client } from '@aws-sdk/client-s3'
import {
  emptyFindings,
  type Findings,
  type Lease,
  type ReconcileRun,
  releaseLease,
  renewLease,
  saveCheckpoint,
  takeLease,
} from '../catalog/reconcile-runs.ts'
import type { Sql } from '../database/connection.ts'
import { Conflict } from '../errors.ts'
import { pacedClient } from '../s3/paced-client.ts'
import { type Chunk, compareInChunks, finishChunk, isDue } from './chunks.ts'

/** How a reconcile works; what is left out has a default that suits a bucket in use. */
export type ReconcileOptions = {
  /** Bound of what S3 is asked, 500 unless told; AWS allows 5,500 reads a second for each prefix. */
  requestsPerSecond?: number
  /** Share (0 to 1) of the versions equal in the listing that are asked about too, because a listing tells no metadata. */
  sampleRate?: number
  /** A difference younger than this may have its event on the way: it is drift only if it is still there after that time. */
  graceSeconds?: number
  /** After so many seconds without a sign of life another may take the run over. */
  leaseSeconds?: number
  onProgress?: (run: ReconcileRun) => void
  /** Asked again and again; true stops the run at its checkpoint. */
  shouldStop?: () => boolean
}

/** Differences that may wait for their time at once: about 20 MB. */
const MOST_WAITING = 20_000

/**
 * Compares a bucket with the catalog, both streamed in the order of keys, and repairs what differs by asking S3 and writing
 * the answer as events are: as of the time before it was asked, so that changes meanwhile are neither drift nor undone.
 * Goes on behind the run's checkpoint; answers the run as it is when it ends or is stopped. Throws Conflict when another is at work on it.
 */
export async function reconcile(
  sql: Sql,
  s3: S3Client,
  run: ReconcileRun,
  options: ReconcileOptions = {},
): Promise<ReconcileRun> {
  const { leaseSeconds = 60 } = options
  const lease = await takeLease(sql, run, leaseSeconds)
  const renewal = keepRenewing(sql, lease)
  try {
    return await work(sql, s3, lease, { ...options, shouldStop: () => renewal.hasFailed() || (options.shouldStop?.() ?? false) })
  } finally {
    await renewal.stop()
    await releaseLease(sql, lease)
  }
}

async function work(sql: Sql, s3: S3Client, lease: Lease, options: ReconcileOptions): Promise<ReconcileRun> {
  const { requestsPerSecond = 500, sampleRate = 0, graceSeconds = 60, shouldStop = () => false } = options
  let run: ReconcileRun = { ...lease.run, findings: { ...emptyFindings(), ...lease.run.findings } }
  const paced = pacedClient(s3, { requestsPerSecond, onRequest: () => run.findings.requests++ })
  const plan = { sql, s3: paced, run, requestsPerSecond, sampleRate, graceSeconds, shouldStop }
  const save = async (chunk: Chunk | undefined, isLast: boolean) => {
    const findings = chunk ? add(run.findings, await finishChunk(plan, chunk)) : run.findings
    const saved = await saveCheckpoint(sql, lease, { ...run, findings, checkpoint: chunk?.last ?? run.checkpoint }, isLast)
    // Requests of the next page may have been counted meanwhile.
    run = { ...saved, findings: { ...saved.findings, requests: run.findings.requests } }
    options.onProgress?.(run)
  }

  const open: Chunk[] = []
  let isCutShort = false
  const waiting = () => open.reduce((sum, chunk) => sum + chunk.differing.length, 0)
  for await (const chunk of compareInChunks(plan)) {
    open.push(chunk)
    while (open[0] && (isDue(open[0]) || (waiting() > MOST_WAITING && (await untilDue(open[0], shouldStop))))) {
      await save(open.shift(), false)
      // One chunk is seconds of work; all that are due can be minutes.
      if (shouldStop()) break
    }
    isCutShort = shouldStop()
    if (isCutShort) break
  }
  while (open[0] && !shouldStop() && (await untilDue(open[0], shouldStop))) await save(open.shift(), false)
  await save(undefined, !isCutShort && open.length === 0)
  return run
}

/** Waits for the time of a chunk; false when the run is to stop before. */
async function untilDue(chunk: Chunk, shouldStop: () => boolean): Promise<boolean> {
  while (!isDue(chunk) && !shouldStop()) await sleep(Math.min(500, chunk.dueAt - Date.now()))
  return isDue(chunk)
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
  }
}

/** Renews a lease while its run works, also while it waits for S3. */
function keepRenewing(sql: Sql, lease: Lease) {
  let failed = false
  let last: Promise<unknown> = Promise.resolve()
  const renew = () => {
    last = renewLease(sql, lease).catch(error => {
      // What is wrong with the database the work itself throws.
      failed ||= error instanceof Conflict
    })
  }
  const timer = setInterval(renew, (lease.seconds * 1000) / 3).unref()
  return {
    hasFailed: () => failed,
    stop: async () => {
      clearInterval(timer)
      await last
    },
  }
}
