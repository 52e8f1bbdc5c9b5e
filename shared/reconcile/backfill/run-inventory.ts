import type { S3Client } from '@aws-sdk/client-s3'
import type { ReconcileRun } from '../../catalog/reconcile-runs.ts'
import type { Sql } from '../../database/connection.ts'
import { Invalid } from '../../errors.ts'
import { MANIFEST_URL } from '../../names.ts'
import { type InventoryPosition, readInventory, readManifest } from '../../s3/inventory.ts'
import type { ReconcileOptions } from '../reconcile.ts'
import { nameUnsettled } from '../unsettled.ts'
import { workOnRun } from '../work-on-run.ts'
import { backfillFromInventory } from './backfill-inventory.ts'

/**
 * Backfills from the S3 Inventory report that the options of the run name. Continues after the run's checkpoint, a file and a row of the
 * report. Throws Invalid for an address or a report that cannot be read, and Conflict when another process works on the run.
 */
export async function runInventory(
  sql: Sql,
  s3: S3Client,
  run: ReconcileRun<'inventory'>,
  options: ReconcileOptions = {},
): Promise<ReconcileRun<'inventory'>> {
  return workOnRun(sql, run, options, async held => {
    const { bucket, prefix, checkpoint } = held.run
    const manifest = await readManifest(s3, parseManifestUrl(held.run.options.manifest ?? ''))
    if (manifest.sourceBucket !== bucket)
      throw new Invalid(`The inventory is about bucket ${manifest.sourceBucket}, not about ${bucket}`)
    let unsettled = held.run.result?.unsettled ?? []
    const findings = await backfillFromInventory(sql, s3, readInventory(s3, manifest, parsePosition(checkpoint)), {
      bucket,
      prefix,
      requestsPerSecond: options.requestsPerSecond,
      clock: options.clock,
      random: options.random,
      findings: held.run.findings,
      onFailures: failures => {
        unsettled = nameUnsettled(unsettled, failures)
      },
      onProgress: (found, { position }) =>
        held.save({ findings: { ...found }, checkpoint: `${position.file}:${position.rows}`, result: { unsettled } }),
      shouldStop: held.shouldStop,
    })
    return held.shouldStop() ? held.run : held.save({ findings, result: { unsettled } }, true)
  })
}

/** The bucket and key of `s3://bucket/.../manifest.json`. Throws Invalid. */
function parseManifestUrl(url: string): { bucket: string; key: string } {
  const [, bucket, key] = MANIFEST_URL.exec(url) ?? []
  if (!bucket || !key) throw new Invalid(`manifest must be s3://bucket/.../manifest.json, not ${url}`)
  return { bucket, key }
}

function parsePosition(checkpoint: string | null): InventoryPosition | undefined {
  if (checkpoint === null) return undefined
  const [file = 0, rows = 0] = checkpoint.split(':').map(Number)
  return { file, rows }
}
