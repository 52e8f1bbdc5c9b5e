import { type ChecksumAlgorithm, defaultChecksumType, isChecksumType } from '../../checksums/checksum.ts'
import { S3Error } from '../../errors.ts'
import { readChecksumAlgorithm } from '../../headers/checksums.ts'
import { readAttributes } from '../../headers/object-headers.ts'
import type { S3Request } from '../../http/request.ts'
import { type S3Response, xmlResponse } from '../../http/response.ts'
import type { Store } from '../../store/store.ts'
import type { Bucket } from '../../store/types.ts'
import { abortUpload, createUpload, findUpload } from '../../store/uploads.ts'

/** CreateMultipartUpload. */
export function createMultipartUpload(store: Store, request: S3Request, bucket: Bucket, key: string): S3Response {
  const attributes = readAttributes(request)
  const { algorithm, type } = readChecksumChoice(request)
  const uploadId = createUpload(store, bucket, key, attributes, { algorithm, type }, request.actor.principalId)
  return xmlResponse(
    'InitiateMultipartUploadResult',
    { Bucket: bucket.name, Key: key, UploadId: uploadId },
    { 'x-amz-checksum-algorithm': algorithm, 'x-amz-checksum-type': type },
  )
}

/** AbortMultipartUpload. */
export function abortMultipartUpload(store: Store, request: S3Request, bucket: Bucket, key: string): S3Response {
  abortUpload(store, findUpload(store, bucket, key, request.query.get('uploadId')))
  return { status: 204 }
}

function readChecksumChoice(request: S3Request): {
  algorithm?: ChecksumAlgorithm
  type?: ReturnType<typeof defaultChecksumType>
} {
  const algorithm = readChecksumAlgorithm(request)
  const type = request.headers['x-amz-checksum-type']?.toUpperCase()
  if (!algorithm) {
    if (type === undefined) return {}
    throw new S3Error('InvalidRequest', {
      message: 'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
    })
  }
  const chosen = type ?? defaultChecksumType(algorithm)
  if (!isChecksumType(algorithm, chosen)) {
    throw new S3Error('InvalidRequest', {
      message: `The ${chosen} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
    })
  }
  return { algorithm, type: chosen }
}
