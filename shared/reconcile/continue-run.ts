import type { S3Client } from '@aws-sdk/client-s3'
import type { ReconcileRun } from '../catalog/reconcile-runs.ts'
import type { Sql } from '../database/connection.ts'
import type { RunKind } from '../names.ts'
import { runInventory } from './backfill/run-inventory.ts'
import { runPreview } from './backfill/run-preview.ts'
import { type ReconcileOptions, reconcile } from './reconcile.ts'
import { runDigest } from './run-digest.ts'

type Work<Kind extends RunKind> = (
  sql: Sql,
  s3: S3Client,
  run: ReconcileRun<Kind>,
  options: ReconcileOptions,
) => Promise<ReconcileRun<Kind>>

const WORK: { [Kind in RunKind]: Work<Kind> } = {
  reconcile,
  digest: runDigest,
  preview: runPreview,
  inventory: runInventory,
}

/** Works on a run of any kind until it is finished or must stop. The options of the run override `defaults`. Throws Conflict when another process works on it. */
export function continueRun<Kind extends RunKind>(
  sql: Sql,
  s3: S3Client,
  run: ReconcileRun<Kind>,
  defaults: ReconcileOptions,
): Promise<ReconcileRun<Kind>> {
  const { requestsPerSecond, sampleRate, graceSeconds } = { ...defaults, ...run.options }
  return WORK[run.kind](sql, s3, run, { ...defaults, requestsPerSecond, sampleRate, graceSeconds })
}
