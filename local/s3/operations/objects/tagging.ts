import { readTagging } from '../../headers/tags.ts'
import { versionHeader, versionIdOf } from '../../headers/version-id.ts'
import { readDocument } from '../../http/payload.ts'
import type { S3Request } from '../../http/request.ts'
import { type S3Response, xmlResponse } from '../../http/response.ts'
import type { Store } from '../../store/store.ts'
import type { Bucket } from '../../store/types.ts'
import { requireVersion } from '../../store/versions.ts'
import { publishChange } from '../../store/write-versions.ts'

/** GetObjectTagging, ordered by key. */
export function getObjectTagging(store: Store, request: S3Request, bucket: Bucket, key: string): S3Response {
  const version = requireVersion(store, bucket, key, versionIdOf(request))
  const tags = version.tags.toSorted((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
  const Tag = tags.map(tag => ({ Key: tag.key, Value: tag.value }))
  return xmlResponse('Tagging', { TagSet: { Tag } }, versionHeader(bucket, version.versionId))
}

/** PutObjectTagging: replaces the whole set. */
export async function putObjectTagging(store: Store, request: S3Request, bucket: Bucket, key: string): Promise<S3Response> {
  const versionId = versionIdOf(request)
  const tags = readTagging(await readDocument(request))
  const version = store.transaction(() => {
    const tagged = requireVersion(store, bucket, key, versionId)
    store.sql.run`update version set tags = ${JSON.stringify(tags)} where id = ${tagged.id}`
    publishChange(store, bucket, tagged, 'ObjectTagging:Put', request.actor)
    return tagged
  })
  return { status: 200, headers: versionHeader(bucket, version.versionId) }
}

/** DeleteObjectTagging. */
export function deleteObjectTagging(store: Store, request: S3Request, bucket: Bucket, key: string): S3Response {
  const version = store.transaction(() => {
    const tagged = requireVersion(store, bucket, key, versionIdOf(request))
    store.sql.run`update version set tags = '[]' where id = ${tagged.id}`
    publishChange(store, bucket, tagged, 'ObjectTagging:Delete', request.actor)
    return tagged
  })
  return { status: 204, headers: versionHeader(bucket, version.versionId) }
}
