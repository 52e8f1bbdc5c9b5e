import type { S3Client } from '@aws-sdk/client-s3'
import type { ReconcileRun } from '../catalog/reconcile-runs.ts'
import type { Sql } from '../database/connection.ts'
import type { RunKind } from '../names.ts'
import { type ReconcileOptions, reconcile } from './reconcile.ts'
import { runDigest } from './run-digest.ts'
import { runInventory } from './run-inventory.ts'
import { runPreview } from './run-preview.ts'

const WORK: Record<RunKind, (sql: Sql, s3: S3Client, run: ReconcileRun, options: ReconcileOptions) => Promise<ReconcileRun>> = {
  reconcile,
  digest: runDigest,
  preview: runPreview,
  inventory: runInventory,
}

/** Works on a run of any kind until it is finished or must stop. The options of the run override `defaults`. Throws Conflict when another process works on it. */
export function continueRun(sql: Sql, s3: S3Client, run: ReconcileRun, defaults: ReconcileOptions): Promise<ReconcileRun> {
  const { requestsPerSecond, sampleRate, graceSeconds } = { ...defaults, ...run.options }
  return WORK[run.kind](sql, s3, run, { ...defaults, requestsPerSecond, sampleRate, graceSeconds })
}
