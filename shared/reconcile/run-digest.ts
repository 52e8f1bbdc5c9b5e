import type { S3Client } from '@aws-sdk/client-s3'
import type { CatalogedKey } from '../catalog/list-all-versions.ts'
import type { ReconcileRun } from '../catalog/reconcile-runs.ts'
import type { Sql } from '../database/connection.ts'
import { REQUEST_RATE } from '../limits.ts'
import type { ListedKey } from '../listing.ts'
import { pacedClient } from '../s3/paced-client.ts'
import { startDigest } from './digest.ts'
import { walkPairs } from './pairs.ts'
import type { ReconcileOptions } from './reconcile.ts'
import { workOnRun } from './work-on-run.ts'

/** Versions between two checkpoints: about twenty requests. */
const CHECKPOINT_EVERY = 20_000

/**
 * Computes the digests of a bucket and of the catalog in one walk through both. Continues after the run's checkpoint. Returns the run as
 * it is when it ends or is stopped. Throws Conflict when another process works on it.
 */
export async function runDigest(
  sql: Sql,
  s3: S3Client,
  run: ReconcileRun<'digest'>,
  options: ReconcileOptions = {},
): Promise<ReconcileRun<'digest'>> {
  return workOnRun(sql, run, options, async held => {
    const { bucket, prefix, checkpoint, findings } = held.run
    const before = held.run.result
    const inBucket = startDigest(before?.bucket)
    const inCatalog = startDigest(before?.catalog)
    let requests = findings.requests
    const { requestsPerSecond = REQUEST_RATE.default, clock, random } = options
    const paced = pacedClient(s3, { requestsPerSecond, onRequest: () => requests++, clock, random })
    let last = checkpoint
    const save = (isFinished: boolean) => {
      const result = { bucket: inBucket.digest(), catalog: inCatalog.digest() }
      return held.save(
        { checkpoint: last, result, findings: { ...held.run.findings, versions: result.bucket.count, requests } },
        isFinished,
      )
    }
    let unsaved = 0
    for await (const { key, listed, cataloged } of walkPairs(sql, paced, { bucket, prefix, after: checkpoint ?? undefined })) {
      if (listed) inBucket.add(withEntityTags(listed, cataloged))
      if (cataloged) inCatalog.add(cataloged)
      last = key
      unsaved += Math.max(listed?.versions.length ?? 0, cataloged?.versions.length ?? 0)
      if (held.shouldStop()) return save(false)
      if (unsaved < CHECKPOINT_EVERY) continue
      await save(false)
      unsaved = 0
    }
    return save(!held.isCancelled())
  })
}

/** An entity tag that is not listed is taken from the catalog: Ceph loses it when the tags of a version are deleted. */
function withEntityTags(listed: ListedKey, cataloged: CatalogedKey | undefined): ListedKey {
  if (!cataloged || listed.versions.every(({ etag, isDeleteMarker }) => etag !== null || isDeleteMarker)) return listed
  const known = new Map(cataloged.versions.map(({ versionId, etag }) => [versionId, etag]))
  const versions = listed.versions.map(version => ({ ...version, etag: version.etag ?? known.get(version.versionId) ?? null }))
  return { ...listed, versions }
}
