import { checksumAlgorithms, checksumElement, checksumHeader } from '../../checksums/checksum.ts'
import { S3Error } from '../../errors.ts'
import { checksumElements } from '../../headers/checksums.ts'
import { startConditionalWrite } from '../../headers/conditions.ts'
import { writtenVersionHeader } from '../../headers/version-id.ts'
import { readDocument } from '../../http/payload.ts'
import type { S3Request } from '../../http/request.ts'
import { type S3Response, xmlResponse } from '../../http/response.ts'
import { childrenOf, fromXml, textOf, withOnly, type XmlElement } from '../../http/xml.ts'
import { findBucket } from '../../store/buckets.ts'
import { type CompletedUpload, findCompleted } from '../../store/completed-uploads.ts'
import type { Store } from '../../store/store.ts'
import type { Bucket } from '../../store/types.ts'
import { completeUpload, findUpload, MIN_PART_BYTES, type Part, partsOf, type Upload } from '../../store/uploads.ts'

/**
 * CompleteMultipartUpload. The object is ranked by the start of its upload, even if newer versions exist. A retry returns the
 * same result.
 */
export async function completeMultipartUpload(
  store: Store,
  request: S3Request,
  bucket: Bucket,
  key: string,
): Promise<S3Response> {
  const uploadId = request.query.get('uploadId')
  const before = findCompleted(store, bucket, key, uploadId)
  if (before) return completionResponse(request, bucket, key, before)
  const upload = findUpload(store, bucket, key, uploadId)
  using condition = startConditionalWrite(store, request, bucket.name, key)
  // The checksum headers of this request are of the object, not of the XML document.
  const { headers } = request
  const withoutSums = Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('x-amz-checksum-')))
  const text = await readDocument({ ...request, headers: withoutSums })
  const document = withOnly(fromXml('CompleteMultipartUpload', text), ['Part'])
  const wanted = childrenOf(document, 'Part').map(part => withOnly(part, PART_ELEMENTS))
  if (wanted.length === 0 || wanted.length > 10_000) throw new S3Error('MalformedXML')
  const { bucket: now, ...completed } = store.transaction(() => {
    const current = findUpload(store, bucket, key, uploadId)
    const parts = selectParts(current, partsOf(store, current), wanted)
    condition.check()
    const bucketNow = findBucket(store, bucket.name)
    const done = completeUpload(store, bucketNow, current, parts, request.actor)
    checkObject(headers, upload, done)
    return { bucket: bucketNow, ...done }
  })
  return completionResponse(request, now, key, completed)
}

const PART_ELEMENTS = ['PartNumber', 'ETag', ...checksumAlgorithms.map(checksumElement)]

function completionResponse(request: S3Request, bucket: Bucket, key: string, completed: CompletedUpload): S3Response {
  const { etag, checksum, versionId } = completed
  const Location = `http://${request.headers.host}${request.path}`
  const content = { Location, Bucket: bucket.name, Key: key, ETag: `"${etag}"`, ...checksumElements(checksum) }
  return xmlResponse('CompleteMultipartUploadResult', content, writtenVersionHeader(bucket, versionId))
}

function selectParts(upload: Upload, uploaded: Part[], wanted: XmlElement[]): Part[] {
  const byNumber = new Map(uploaded.map(part => [part.number, part]))
  let previous = 0
  const parts = wanted.map(element => {
    const number = Number(textOf(element, 'PartNumber'))
    if (!Number.isInteger(number)) throw new S3Error('MalformedXML')
    if (number <= previous) throw new S3Error('InvalidPartOrder', { details: { UploadId: upload.uploadId } })
    previous = number
    const part = byNumber.get(number)
    const etag = textOf(element, 'ETag')
      ?.trim()
      .replace(/^"(.*)"$/, '$1')
    if (!part || part.etag !== etag) {
      throw new S3Error('InvalidPart', { details: { UploadId: upload.uploadId, PartNumber: number, ETag: etag } })
    }
    checkPartChecksum(upload, part, element)
    return part
  })
  for (const part of parts.slice(0, -1)) {
    if (part.size >= MIN_PART_BYTES) continue
    throw new S3Error('EntityTooSmall', {
      details: { ProposedSize: part.size, MinSizeAllowed: MIN_PART_BYTES, PartNumber: part.number, ETag: part.etag },
    })
  }
  return parts
}

function checkPartChecksum(upload: Upload, part: Part, element: XmlElement): void {
  const algorithm = upload.checksumAlgorithm
  if (!algorithm) return
  const given = textOf(element, checksumElement(algorithm))
  if (given === undefined && upload.checksumType === 'COMPOSITE') {
    throw new S3Error('InvalidRequest', {
      message: `The upload was created using a ${algorithm.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${part.number} in the request.`,
    })
  }
  if (given !== undefined && given !== part.checksum) {
    throw new S3Error('InvalidPart', { details: { UploadId: upload.uploadId, PartNumber: part.number } })
  }
}

function checkObject(headers: S3Request['headers'], upload: Upload, whole: { size: number; checksum?: { value: string } }): void {
  const { checksumAlgorithm: algorithm } = upload
  const expected = algorithm && headers[checksumHeader(algorithm)]
  if (expected !== undefined && expected !== whole.checksum?.value) {
    throw new S3Error('BadDigest', { message: `The ${algorithm} you specified did not match the calculated checksum.` })
  }
  const size = headers['x-amz-mp-object-size']
  if (size !== undefined && Number(size) !== whole.size) {
    throw new S3Error('InvalidRequest', {
      message: 'The provided x-amz-mp-object-size header does not match the size of the parts.',
    })
  }
}
