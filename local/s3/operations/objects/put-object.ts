import { type Checksum, checksumElement, checksumHeader } from '../../checksums/checksum.ts'
import { xmlDate } from '../../encoding.ts'
import { startConditionalWrite } from '../../headers/conditions.ts'
import { readAttributes } from '../../headers/object-headers.ts'
import { versionHeader } from '../../headers/version-id.ts'
import { storePayload } from '../../http/payload.ts'
import type { S3Request } from '../../http/request.ts'
import { type Answer, xmlAnswer } from '../../http/response.ts'
import { type Bucket, findBucket } from '../../store/buckets.ts'
import type { Store } from '../../store/store.ts'
import { addVersion } from '../../store/write-versions.ts'

/** PutObject. */
export async function putObject(store: Store, request: S3Request, bucket: Bucket, key: string): Promise<Answer> {
  const attributes = readAttributes(request)
  using condition = startConditionalWrite(store, request, bucket.name, key)
  const { body, size, md5, checksum } = await storePayload(store, request)
  const content = { size, etag: md5, checksum, segments: [{ number: 1, body, start: 0, size, etag: md5 }] }
  const { bucket: now, versionId } = await commitBody(store, body, () => {
    condition.check()
    // The bucket's versioning, or the bucket, may have changed while the body was on its way.
    const bucketNow = findBucket(store, bucket.name)
    const added = addVersion(store, bucketNow, key, content, attributes, { event: 'ObjectCreated:Put', actor: request.actor })
    return { bucket: bucketNow, ...added }
  })
  return { status: 200, headers: { ETag: `"${md5}"`, ...versionHeader(now, versionId), ...checksumHeaders(checksum) } }
}

/** Commits what refers to a stored body, or removes the body. */
async function commitBody<T>(store: Store, body: string, work: () => T): Promise<T> {
  try {
    return store.change(work)
  } catch (error) {
    await store.bodies.remove(body)
    throw error
  }
}

/** A checksum as headers of an answer. */
export function checksumHeaders(checksum: Checksum | undefined): Record<string, string> {
  return checksum ? { [checksumHeader(checksum.algorithm)]: checksum.value, 'x-amz-checksum-type': checksum.type } : {}
}

/** A checksum as elements of a document. */
export function checksumElements(checksum: Checksum | undefined): Record<string, string> {
  return checksum ? { [checksumElement(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type } : {}
}

/** The answer to CopyObject and UploadPartCopy. */
export function copyAnswer(
  root: 'CopyObjectResult' | 'CopyPartResult',
  copied: { etag: string; lastModified: number; checksum?: Checksum },
  headers: Answer['headers'],
): Answer {
  const { etag, lastModified, checksum } = copied
  return xmlAnswer(root, { LastModified: xmlDate(lastModified), ETag: `"${etag}"`, ...checksumElements(checksum) }, headers)
}
