import { DeleteObjectTaggingCommand, PutObjectTaggingCommand, type S3Client } from '@aws-sdk/client-s3'
import { applyObservations } from '../catalog/observations.ts'
import type { StoredVersion } from '../catalog/versions.ts'
import type { Sql } from '../database/connection.ts'
import { databaseTime } from '../database/time.ts'
import { observeVersion } from '../refresh/observe-version.ts'
import { askS3 } from './ask-s3.ts'

/**
 * Replaces the tags of a version in S3, which owns them, and writes what S3 then returns, so that they are visible at once. Returns S3's
 * request id, which the event has as well. Throws Invalid, NotFound or Conflict where S3 refuses.
 */
export async function tagVersion(
  sql: Sql,
  s3: S3Client,
  version: StoredVersion,
  tags: Record<string, string>,
): Promise<string | undefined> {
  const name = { Bucket: version.bucket, Key: version.key, VersionId: version.versionId }
  const TagSet = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }))
  const response =
    TagSet.length > 0
      ? s3.send(new PutObjectTaggingCommand({ ...name, Tagging: { TagSet } }))
      : s3.send(new DeleteObjectTaggingCommand(name))
  const { $metadata } = await askS3<{ $metadata: { requestId?: string } }>(response)
  await refreshVersion(sql, s3, version)
  return $metadata.requestId
}

/** Fetches a version from S3 and writes what it returns, as of the time before, as the indexer does after an event. */
async function refreshVersion(sql: Sql, s3: S3Client, version: StoredVersion): Promise<void> {
  const { bucket, key, versionId, lastModified } = version
  const asOf = await databaseTime(sql)
  // Where S3 refuses the HEAD, what the catalog has stands in for a listing.
  const listed = { ...version, lastModified: Math.floor(lastModified.getTime() / 1000) }
  const observed = await observeVersion(s3, { bucket, key, versionId }, listed)
  await applyObservations(sql, asOf, { observed: [observed] })
}
