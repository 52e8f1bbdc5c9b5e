import type { S3Client } from '@aws-sdk/client-s3'
import type { ReconcileRun } from '../../catalog/reconcile-runs.ts'
import type { Sql } from '../../database/connection.ts'
import type { ReconcileOptions } from '../reconcile.ts'
import { workOnRun } from '../work-on-run.ts'
import { previewBackfill } from './preview.ts'

/** Pages between two reports of the progress. */
const PAGES_PER_CHECKPOINT = 50

/**
 * Estimates a backfill; the result of the run is a BackfillPreview. It has no checkpoint: out of time it extrapolates from the pages
 * listed so far, and stopped on request it starts over. Throws Conflict when another process works on it.
 */
export async function runPreview(
  sql: Sql,
  s3: S3Client,
  run: ReconcileRun<'preview'>,
  options: ReconcileOptions = {},
): Promise<ReconcileRun<'preview'>> {
  return workOnRun(sql, run, options, async held => {
    const { bucket, prefix } = held.run
    let pages = 0
    let requests = 0
    const findings = (versions: number) => ({ ...held.run.findings, versions, requests })
    const result = await previewBackfill(s3, sql, {
      bucket,
      prefix,
      requestsPerSecond: options.requestsPerSecond,
      clock: options.clock,
      random: options.random,
      onRequest: () => requests++,
      onPage: async counted => {
        if (++pages % PAGES_PER_CHECKPOINT === 0) await held.save({ findings: findings(counted.versions) })
      },
      shouldStop: held.shouldStop,
    })
    if (held.isCancelled()) return held.run
    return held.save({ result, findings: findings(result.versions + result.deleteMarkers) }, true)
  })
}
