import { DeleteObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import type { StoredObject } from '../catalog/objects.ts'
import { applyObservations } from '../catalog/observations.ts'
import type { Sql } from '../database/connection.ts'
import { databaseTime } from '../database/time.ts'
import { observeMarker } from '../refresh/observe-version.ts'
import { resolveLatest } from '../refresh/resolve-latest.ts'
import { askS3 } from './ask-s3.ts'

/** What a delete made: the delete marker, or the version that is gone from an unversioned bucket; and S3's request id. */
export type Deletion = { versionId: string; s3RequestId: string | undefined }

/**
 * Deletes an object in S3, which owns its existence: a versioned bucket keeps its versions and gets a delete marker. Writes what S3 then
 * returns, so that it is visible at once. Throws NotFound or Conflict where S3 refuses.
 */
export async function deleteObjectInS3(sql: Sql, s3: S3Client, object: StoredObject): Promise<Deletion> {
  const { bucket, key, versionId } = object
  const response = await askS3(s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })))
  const asOf = await databaseTime(sql)
  // A `null` version may have been deleted, or replaced by a marker; any other is still there. Written last: a write locks counters, which
  // must not wait for S3.
  const observed = versionId === 'null' ? [await observeMarker(s3, { bucket, key, versionId })] : []
  const [failure] = await resolveLatest(sql, s3, [{ bucket, key }])
  if (failure) throw failure.error
  await applyObservations(sql, asOf, { observed })
  return { versionId: response.VersionId ?? versionId, s3RequestId: response.$metadata.requestId }
}
