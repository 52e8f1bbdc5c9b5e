import { createHash } from 'node:crypto'
import { type Checksum, type ChecksumAlgorithm, startChecksum } from '../../checksums/checksum.ts'
import { invalidArgument, S3Error } from '../../errors.ts'
import { readChecksumAlgorithm } from '../../headers/checksums.ts'
import { startConditionalWrite } from '../../headers/conditions.ts'
import { type CopySource, readCopySource } from '../../headers/copy-source.ts'
import { readAttributes } from '../../headers/object-headers.ts'
import { versionHeader } from '../../headers/version-id.ts'
import type { S3Request } from '../../http/request.ts'
import type { S3Response } from '../../http/response.ts'
import { findBucket } from '../../store/buckets.ts'
import type { Store } from '../../store/store.ts'
import type { Attributes, Bucket, Content, Version } from '../../store/types.ts'
import { findVersion, segmentsOf } from '../../store/versions.ts'
import { addVersion } from '../../store/write-versions.ts'
import { copyResponse } from '../copy-result.ts'

/** CopyObject: a new version that shares the stored bytes of its source. */
export async function copyObject(store: Store, request: S3Request, bucket: Bucket, key: string): Promise<S3Response> {
  const source = readCopySource(store, request)
  const attributes = copiedAttributes(request, source.version)
  refuseCopyOntoItself(request, source, bucket, key)
  using condition = startConditionalWrite(store, request, bucket.name, key)
  const content = await copiedContent(store, request, source.version)
  const { bucket: now, ...copied } = store.transaction(() => {
    condition.check()
    // The source may have been deleted while its checksum was computed.
    if (!findVersion(store, source.bucket.name, source.version.key, source.version.versionId)) throw new S3Error('NoSuchKey')
    const bucketNow = findBucket(store, bucket.name)
    const added = addVersion(store, bucketNow, key, content, attributes, { event: 'ObjectCreated:Copy', actor: request.actor })
    return { bucket: bucketNow, ...added }
  })
  return copyResponse(
    'CopyObjectResult',
    { etag: content.etag, lastModified: copied.lastModified, checksum: content.checksum },
    {
      ...versionHeader(now, copied.versionId),
      'x-amz-copy-source-version-id': versionHeader(source.bucket, source.version.versionId)['x-amz-version-id'],
    },
  )
}

/** The largest source of one copy: 5 GiB. */
const MAX_COPY_BYTES = 5 * 1024 ** 3

function directive(request: S3Request, name: string): 'COPY' | 'REPLACE' {
  const value = request.headers[name] ?? 'COPY'
  if (value !== 'COPY' && value !== 'REPLACE')
    throw invalidArgument(`Unknown ${name === 'x-amz-tagging-directive' ? 'tagging' : 'metadata'} directive.`, name, value)
  return value
}

function copiedAttributes(request: S3Request, source: Version): Attributes {
  const given = readAttributes(request)
  const replaced = directive(request, 'x-amz-metadata-directive') === 'REPLACE' ? given : source
  const tags = directive(request, 'x-amz-tagging-directive') === 'REPLACE' ? given.tags : source.tags
  return { headers: replaced.headers, metadata: replaced.metadata, tags, storageClass: given.storageClass }
}

function refuseCopyOntoItself(request: S3Request, source: CopySource, bucket: Bucket, key: string): void {
  const isItself = source.bucket.name === bucket.name && source.version.key === key && !source.isByVersion
  const changesNothing =
    directive(request, 'x-amz-metadata-directive') === 'COPY' &&
    request.headers['x-amz-storage-class'] === undefined &&
    request.headers['x-amz-server-side-encryption'] === undefined
  if (!isItself || !changesNothing) return
  throw new S3Error('InvalidRequest', {
    message:
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
  })
}

// A copy is one part: its ETag is the MD5 of all bytes, and its checksum is of the full object.
async function copiedContent(store: Store, request: S3Request, source: Version): Promise<Content> {
  if (source.size > MAX_COPY_BYTES) {
    throw new S3Error('InvalidRequest', {
      message: `The specified copy source is larger than the maximum allowable size for a copy source: ${MAX_COPY_BYTES}`,
    })
  }
  const segments = segmentsOf(store, source).map(({ number, body, start, size, etag }) => ({ number, body, start, size, etag }))
  const algorithm = readChecksumAlgorithm(request) ?? source.checksum?.algorithm
  const isKnown = !source.etag.includes('-') && algorithm === source.checksum?.algorithm
  if (isKnown) return { size: source.size, etag: source.etag, checksum: source.checksum, segments }
  const { etag, checksum } = await sum(store.bodies.read(segments, 0, source.size), algorithm)
  return { size: source.size, etag, checksum, segments }
}

async function sum(
  bytes: AsyncIterable<Buffer>,
  algorithm: ChecksumAlgorithm | undefined,
): Promise<{ etag: string; checksum?: Checksum }> {
  const md5 = createHash('md5')
  const running = algorithm && startChecksum(algorithm)
  for await (const chunk of bytes) {
    md5.update(chunk)
    running?.update(chunk)
  }
  const etag = md5.digest('hex')
  return running && algorithm
    ? { etag, checksum: { algorithm, type: 'FULL_OBJECT', value: running.digest().toString('base64') } }
    : { etag }
}
