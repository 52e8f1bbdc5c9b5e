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

/** Options of a reconcile. The defaults suit a bucket in use. */
export type ReconcileOptions = {
  /** The most requests to S3 per second, 500 by default; AWS allows 5,500 reads a second per prefix. */
  requestsPerSecond?: number
  /** Share (0 to 1) of the versions without differences that are fetched as well, because a listing has no metadata. */
  sampleRate?: number
  /** The event of a younger difference may be on its way: it is drift only if it still exists after this time. */
  graceSeconds?: number
  /** After this many seconds without a renewal another process may take the run over. */
  leaseSeconds?: number
  onProgress?: (run: ReconcileRun) => void
  /** Called often; true stops the run at its checkpoint. */
  shouldStop?: () => boolean
}

/** Differences that may wait at once: about 20 MB. */
const MAX_WAITING = 20_000

/**
 * Compares a bucket with the catalog, both streamed in the order of keys, and repairs the differences by asking S3 and writing the
 * responses as events are written: as of the time before the request, so that changes meanwhile are neither drift nor undone. Continues
 * after the run's checkpoint. Returns the run as it is when it ends or is stopped. Throws Conflict when another process works on it.
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
    while (open[0] && (isDue(open[0]) || (waiting() > MAX_WAITING && (await untilDue(open[0], shouldStop))))) {
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

/** Waits until a chunk is due; false when the run must stop before. */
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
      // An error of the database is thrown by the work itself.
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
