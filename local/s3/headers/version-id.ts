import { invalidArgument } from '../errors.ts'
import type { S3Request } from '../http/request.ts'
import type { Bucket } from '../store/types.ts'
import { isVersionId } from '../store/version-ids.ts'

/** The version id of a request, undefined if it has none. InvalidArgument if it can't be a version id. */
export function versionIdOf(request: S3Request): string | undefined {
  const versionId = request.query.get('versionId')
  if (versionId === '') throw invalidArgument('Version id cannot be the empty string', 'versionId', versionId)
  if (versionId !== undefined && !isVersionId(versionId)) {
    throw invalidArgument('Invalid version id specified', 'versionId', versionId)
  }
  return versionId
}

/** The version id header; a bucket that never had versioning omits it. */
export function versionHeader(bucket: Bucket, versionId: string): { 'x-amz-version-id': string | undefined } {
  return { 'x-amz-version-id': bucket.versioning === '' ? undefined : versionId }
}

/** The version id header of PutObject, POST Object and CompleteMultipartUpload: they omit it while versioning is suspended, and never return `null`. */
export function writtenVersionHeader(bucket: Bucket, versionId: string): { 'x-amz-version-id': string | undefined } {
  return { 'x-amz-version-id': versionId === 'null' ? undefined : versionHeader(bucket, versionId)['x-amz-version-id'] }
}
