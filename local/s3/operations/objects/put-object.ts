import { checksumHeaders } from '../../headers/checksums.ts'
import { startConditionalWrite } from '../../headers/conditions.ts'
import { readAttributes } from '../../headers/object-headers.ts'
import { writtenVersionHeader } from '../../headers/version-id.ts'
import { storePayload } from '../../http/payload.ts'
import type { S3Request } from '../../http/request.ts'
import type { S3Response } from '../../http/response.ts'
import { findBucket } from '../../store/buckets.ts'
import type { Store } from '../../store/store.ts'
import type { Bucket } from '../../store/types.ts'
import { addVersion } from '../../store/write-versions.ts'

/** PutObject. */
export async function putObject(store: Store, request: S3Request, bucket: Bucket, key: string): Promise<S3Response> {
  const attributes = readAttributes(request)
  using condition = startConditionalWrite(store, request, bucket.name, key)
  const { body, size, md5, checksum } = await storePayload(store, request)
  const content = { size, etag: md5, checksum, segments: [{ number: 1, body, start: 0, size, etag: md5 }] }
  const { bucket: now, versionId } = await commitBody(store, body, () => {
    condition.check()
    // The bucket may have changed or been deleted while the body arrived.
    const bucketNow = findBucket(store, bucket.name)
    const added = addVersion(store, bucketNow, key, content, attributes, { event: 'ObjectCreated:Put', actor: request.actor })
    return { bucket: bucketNow, ...added }
  })
  return { status: 200, headers: { ETag: `"${md5}"`, ...writtenVersionHeader(now, versionId), ...checksumHeaders(checksum) } }
}

/** Runs a transaction that refers to a stored body; removes the body if it fails. */
async function commitBody<T>(store: Store, body: string, work: () => T): Promise<T> {
  try {
    return store.transaction(work)
  } catch (error) {
    await store.bodies.remove(body)
    throw error
  }
}
