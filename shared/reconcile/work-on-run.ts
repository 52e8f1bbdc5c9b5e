import { emptyFindings, type ReconcileRun } from '../catalog/reconcile-runs.ts'
import { type Lease, releaseLease, renewLease, saveCheckpoint, takeLease } from '../catalog/run-leases.ts'
import type { Sql } from '../database/connection.ts'
import { Conflict } from '../errors.ts'
import type { RunKind } from '../names.ts'

/** How a process works on a run of any kind. */
export type WorkOptions = {
  /** After this many seconds without a renewal another process may take the run over. */
  leaseSeconds?: number
  onProgress?: (run: ReconcileRun) => void
  /** Called often; true stops the run at its checkpoint. */
  shouldStop?: () => boolean
}

/** What a checkpoint changes of a run. */
export type RunChanges<Kind extends RunKind> = Partial<Pick<ReconcileRun<Kind>, 'checkpoint' | 'findings' | 'result'>>

/** A run whose lease this process holds. */
export type HeldRun<Kind extends RunKind = RunKind> = {
  /** The run as the last checkpoint has it. */
  run: ReconcileRun<Kind>
  /** True when the time is over, the lease is lost, or a caller asked to stop. */
  shouldStop(): boolean
  /** Whether a caller asked to stop the run, or another process has it: then it must not be finished. */
  isCancelled(): boolean
  /** Saves a checkpoint, and finishes the run with `isFinished`. Throws Conflict when another process has taken the run. */
  save(changes: RunChanges<Kind>, isFinished?: boolean): Promise<ReconcileRun<Kind>>
}

/** Takes the lease of a run, renews it while `work` runs, and releases it. Throws Conflict when another process works on the run. */
export async function workOnRun<Kind extends RunKind>(
  sql: Sql,
  run: ReconcileRun<Kind>,
  { leaseSeconds = 60, onProgress, shouldStop = () => false }: WorkOptions,
  work: (held: HeldRun<Kind>) => Promise<ReconcileRun<Kind>>,
): Promise<ReconcileRun<Kind>> {
  const lease = await takeLease(sql, run, leaseSeconds)
  const renewal = keepRenewing(sql, lease)
  let current: ReconcileRun<Kind> = { ...lease.run, findings: { ...emptyFindings(), ...lease.run.findings } }
  const isCancelled = () => renewal.isCancelled() || current.stopRequestedAt !== null
  try {
    return await work({
      get run() {
        return current
      },
      isCancelled,
      shouldStop: () => isCancelled() || shouldStop(),
      async save(changes, isFinished = false) {
        current = await saveCheckpoint(sql, lease, { ...current, ...changes }, isFinished)
        onProgress?.(current)
        return current
      },
    })
  } finally {
    await renewal.stop()
    await releaseLease(sql, lease)
  }
}

/** Longest time between two renewals, and so until a request to stop is seen. */
const MAX_RENEWAL_MS = 5000

/** Renews a lease while its run works, also while it waits for S3. */
function keepRenewing(sql: Sql, lease: Lease) {
  let cancelled = false
  let last: Promise<unknown> = Promise.resolve()
  const renew = () => {
    last = renewLease(sql, lease).then(
      isStopRequested => {
        cancelled ||= isStopRequested
      },
      error => {
        // An error of the database is thrown by the work itself.
        cancelled ||= error instanceof Conflict
      },
    )
  }
  const timer = setInterval(renew, Math.min(MAX_RENEWAL_MS, (lease.seconds * 1000) / 3)).unref()
  return {
    isCancelled: () => cancelled,
    stop: async () => {
      clearInterval(timer)
      await last
    },
  }
}
