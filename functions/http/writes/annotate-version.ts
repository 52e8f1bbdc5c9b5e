import { lockKey } from '../../../shared/catalog/lock-key.ts'
import { changeOf } from '../../../shared/catalog/version-change.ts'
import { annotateVersion, getVersion, type StoredVersion, type VersionChanges } from '../../../shared/catalog/versions.ts'
import type { Sql } from '../../../shared/database/connection.ts'
import { Conflict } from '../../../shared/errors.ts'
import type { VersionName } from '../../../shared/names.ts'
import type { Caller } from '../caller.ts'
import type { ApiDependencies } from '../operation.ts'
import { auditedWrite, nameOf, type Trail } from './audited-write.ts'

/**
 * Changes the comment and the author of a version, which the catalog owns, and its tags, which its backend owns, for a caller. The entries have
 * the values before and after. Throws NotFound; Conflict for tags of a delete marker; and Invalid, NotFound or Conflict where S3 refuses the tags.
 */
export async function annotateVersionOf(
  dependencies: ApiDependencies,
  caller: Caller,
  name: VersionName,
  { tags, ...annotations }: Omit<VersionChanges, 'claimedBy'>,
): Promise<StoredVersion> {
  const claim = annotations.createdBy === undefined ? {} : { claimedBy: nameOf(caller) }
  return auditedWrite(dependencies.sql, caller, async (transaction, trail) => {
    // Kept until the end, so that the event of new tags finds the entry.
    await lockKey(transaction, name)
    let version = await getVersion(transaction, name)
    if (tags) version = await replaceTags(transaction, dependencies, trail, version, tags)
    if (annotations.comment !== undefined || annotations.createdBy !== undefined) {
      const annotated = await annotateVersion(transaction, { ...name, ...annotations, ...claim })
      trail.add({ action: 'ANNOTATE', ...name, metadata: changeOf(version, annotated) })
      version = annotated
    }
    return version
  })
}

async function replaceTags(
  sql: Sql,
  { s3 }: ApiDependencies,
  trail: Trail,
  version: StoredVersion,
  tags: Record<string, string>,
): Promise<StoredVersion> {
  const { bucket, key, versionId } = version
  const entry = { action: 'TAG', bucket, key, versionId }
  if (version.isDeleteMarker) throw new Conflict(`Version ${versionId} of ${key} is a delete marker, which has no tags`)
  if (version.storageBackend !== 's3') {
    const tagged = await annotateVersion(sql, { bucket, key, versionId, tags })
    trail.add({ ...entry, metadata: changeOf(version, tagged) })
    return tagged
  }
  const { tagVersion } = await import('../../../shared/writes/tag-version.ts')
  trail.attempt({ ...entry, metadata: changeOf(version, { ...version, tags }) })
  const s3RequestId = await tagVersion(sql, await s3(), version, tags)
  const tagged = await getVersion(sql, version)
  trail.add({ ...entry, metadata: { ...changeOf(version, tagged), s3RequestId } })
  return tagged
}
