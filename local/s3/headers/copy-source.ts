import { formDecode } from '../encoding.ts'
import { invalidArgument, S3Error } from '../errors.ts'
import type { S3Request } from '../http/request.ts'
import { findBucket } from '../store/buckets.ts'
import { isReadable } from '../store/storage-classes.ts'
import type { Store } from '../store/store.ts'
import type { Bucket, Version } from '../store/types.ts'
import { isVersionId } from '../store/version-ids.ts'
import { findVersion } from '../store/versions.ts'
import { checkReadConditions } from './conditions.ts'

/** The source of a copy. It exists, is readable, and meets the conditions of the request. */
export type CopySource = { bucket: Bucket; version: Version; isByVersion: boolean }

/** Reads `x-amz-copy-source`: bucket, key (URL-encoded) and optionally `?versionId=`. Throws what CopyObject returns for it. */
export function readCopySource(store: Store, request: S3Request): CopySource {
  const header = request.headers['x-amz-copy-source'] ?? ''
  const [path = '', versionId] = header.replace(/^\//, '').split(/\?versionId=(.*)/s, 2)
  const decoded = formDecode(path)
  const slash = decoded?.indexOf('/') ?? -1
  if (!decoded || slash < 1 || slash === decoded.length - 1) {
    throw invalidArgument(
      'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
      'x-amz-copy-source',
      header,
    )
  }
  if (versionId !== undefined && !isVersionId(versionId)) {
    throw invalidArgument('Invalid version id specified', 'x-amz-copy-source', header)
  }
  const bucket = findBucket(store, decoded.slice(0, slash))
  const key = decoded.slice(slash + 1)
  const version = findVersion(store, bucket.name, key, versionId)
  if (!version)
    throw new S3Error(versionId === undefined ? 'NoSuchKey' : 'NoSuchVersion', { details: { Key: key, VersionId: versionId } })
  if (version.isDeleteMarker) {
    if (versionId === undefined) throw new S3Error('NoSuchKey', { details: { Key: key } })
    throw new S3Error('InvalidRequest', {
      message: 'The source of a copy request may not specifically refer to a delete marker by version id.',
    })
  }
  checkReadConditions(request, version, 'x-amz-copy-source-')
  if (!isReadable(version)) throw new S3Error('ObjectNotInActiveTierError', { details: { Key: key } })
  return { bucket, version, isByVersion: versionId !== undefined }
}
