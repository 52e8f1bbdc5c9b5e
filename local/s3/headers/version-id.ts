import { invalidArgument } from '../errors.ts'
import type { S3Request } from '../http/request.ts'
import type { Bucket } from '../store/types.ts'
import { isVersionId } from '../store/version-ids.ts'

/** The version a request names, undefined for none; InvalidArgument for what can't be a version id. */
export function versionIdOf(request: S3Request): string | undefined {
  const versionId = request.query.get('versionId')
  if (versionId === '') throw invalidArgument('Version id cannot be the empty string', 'versionId', versionId)
  if (versionId !== undefined && !isVersionId(versionId)) {
    throw invalidArgument('Invalid version id specified', 'versionId', versionId)
  }
  return versionId
}

/** The header that names a version: a bucket that never had versioning leaves it out. */
export function versionHeader(bucket: Bucket, versionId: string): { 'x-amz-version-id': string | undefined } {
  return { 'x-amz-version-id': bucket.versioning === '' ? undefined : versionId }
}
