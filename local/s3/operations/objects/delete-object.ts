import { S3Error } from '../../errors.ts'
import { checkDeletion, type DeleteConditions, readDeleteConditions } from '../../headers/delete-conditions.ts'
import { versionHeader, versionIdOf } from '../../headers/version-id.ts'
import { readDocument } from '../../http/payload.ts'
import type { S3Request } from '../../http/request.ts'
import { type S3Response, xmlResponse } from '../../http/response.ts'
import { childrenOf, fromXml, textOf, withOnly } from '../../http/xml.ts'
import type { Actor } from '../../store/change.ts'
import type { Store } from '../../store/store.ts'
import type { Bucket } from '../../store/types.ts'
import { isVersionId } from '../../store/version-ids.ts'
import { findVersion } from '../../store/versions.ts'
import { addDeleteMarker, removeVersion } from '../../store/write-versions.ts'

/** DeleteObject. */
export function deleteObject(store: Store, request: S3Request, bucket: Bucket, key: string): S3Response {
  const { headers } = request
  const conditions = readDeleteConditions({
    etag: headers['if-match'],
    lastModified: headers['x-amz-if-match-last-modified-time'],
    size: headers['x-amz-if-match-size'],
  })
  const target = { key, versionId: versionIdOf(request), conditions }
  const deleted = store.transaction(() => deleteOne(store, bucket, target, request.actor))
  const versionId = deleted.markerVersionId ?? target.versionId
  return {
    status: 204,
    headers: {
      ...(versionId === undefined ? {} : versionHeader(bucket, versionId)),
      'x-amz-delete-marker': deleted.markerVersionId === undefined ? undefined : 'true',
    },
  }
}

/** DeleteObjects: up to 1,000 keys, each with its own result. `Quiet` returns only the errors. */
export async function deleteObjects(store: Store, request: S3Request, bucket: Bucket): Promise<S3Response> {
  const document = withOnly(fromXml('Delete', await readDocument(request, { mustBeSummed: true })), ['Object', 'Quiet'])
  for (const object of childrenOf(document, 'Object')) withOnly(object, ['Key', 'VersionId', 'ETag', 'LastModifiedTime', 'Size'])
  const targets = childrenOf(document, 'Object').map(object => ({
    key: textOf(object, 'Key') ?? '',
    versionId: textOf(object, 'VersionId'),
    conditions: readDeleteConditions({
      etag: textOf(object, 'ETag'),
      lastModified: textOf(object, 'LastModifiedTime'),
      size: textOf(object, 'Size'),
    }),
  }))
  if (targets.length === 0 || targets.length > 1000 || targets.some(target => target.key === ''))
    throw new S3Error('MalformedXML')
  const results = store.transaction(() => targets.map(target => tryToDelete(store, bucket, target, request.actor)))
  const isQuiet = textOf(document, 'Quiet')?.trim().toLowerCase() === 'true'
  return xmlResponse('DeleteResult', {
    Deleted: isQuiet ? [] : results.flatMap(result => ('Code' in result ? [] : [result])),
    Error: results.flatMap(result => ('Code' in result ? [result] : [])),
  })
}

type Target = { key: string; versionId: string | undefined; conditions: DeleteConditions | undefined }

/** The id of the delete marker that was created or removed. */
type Deletion = { markerVersionId?: string; isNewMarker?: boolean }

// Deleting a missing object succeeds; in a bucket with versioning it still creates a delete marker.
function deleteOne(store: Store, bucket: Bucket, target: Target, actor: Actor): Deletion {
  const { key, versionId, conditions } = target
  const version = findVersion(store, bucket.name, key, versionId)
  if (conditions && !checkDeletion(conditions, key, version)) return {}
  if (versionId === undefined && bucket.versioning !== '') {
    const marker = addDeleteMarker(store, bucket, key, { event: 'ObjectRemoved:DeleteMarkerCreated', actor })
    return { markerVersionId: marker.versionId, isNewMarker: true }
  }
  if (!version) return {}
  removeVersion(store, bucket, version, { event: 'ObjectRemoved:Delete', actor })
  return version.isDeleteMarker ? { markerVersionId: version.versionId } : {}
}

function tryToDelete(store: Store, bucket: Bucket, target: Target, actor: Actor) {
  const { key, versionId } = target
  try {
    if (Buffer.byteLength(key) > 1024) throw new S3Error('KeyTooLongError')
    if (versionId !== undefined && !isVersionId(versionId)) throw new S3Error('NoSuchVersion')
    const { markerVersionId, isNewMarker } = deleteOne(store, bucket, target, actor)
    return {
      Key: key,
      VersionId: versionId,
      DeleteMarker: markerVersionId === undefined ? undefined : true,
      DeleteMarkerVersionId: markerVersionId === undefined ? undefined : markerVersionId,
      ...(isNewMarker ? { VersionId: undefined } : {}),
    }
  } catch (error) {
    if (!(error instanceof S3Error)) throw error
    return { Key: key, VersionId: versionId, Code: error.code, Message: error.message }
  }
}
