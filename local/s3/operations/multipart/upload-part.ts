import { createHash } from 'node:crypto'
import { type Checksum, startChecksum } from '../../checksums/checksum.ts'
import { invalidArgument, S3Error } from '../../errors.ts'
import { checksumHeaders } from '../../headers/checksums.ts'
import { readCopySource } from '../../headers/copy-source.ts'
import { versionHeader } from '../../headers/version-id.ts'
import { storePayload } from '../../http/payload.ts'
import type { S3Request } from '../../http/request.ts'
import type { S3Response } from '../../http/response.ts'
import type { Store } from '../../store/store.ts'
import type { Bucket } from '../../store/types.ts'
import { findUpload, putPart, type Upload } from '../../store/uploads.ts'
import { segmentsOf } from '../../store/versions.ts'
import { copyResponse } from '../copy-result.ts'

/** UploadPart. */
export async function uploadPart(store: Store, request: S3Request, bucket: Bucket, key: string): Promise<S3Response> {
  const number = partNumberOf(request)
  const upload = findUpload(store, bucket, key, request.query.get('uploadId'))
  const { body, size, md5, checksum } = await storePayload(store, request, upload.checksumAlgorithm)
  try {
    checkAlgorithm(upload, checksum)
    putPart(store, bucket, upload, { number, body, start: 0, size, etag: md5, checksum: checksum?.value })
  } catch (error) {
    await store.bodies.remove(body)
    throw error
  }
  const { 'x-amz-checksum-type': _, ...sums } = checksumHeaders(checksum)
  return { status: 200, headers: { ETag: `"${md5}"`, ...sums } }
}

/** UploadPartCopy: a part with the bytes of an object, or of a range of it. */
export async function uploadPartCopy(store: Store, request: S3Request, bucket: Bucket, key: string): Promise<S3Response> {
  const number = partNumberOf(request)
  const upload = findUpload(store, bucket, key, request.query.get('uploadId'))
  const source = readCopySource(store, request)
  const [start, end] = copiedRange(request.headers['x-amz-copy-source-range'], source.version.size)
  const segments = segmentsOf(store, source.version)

  const md5 = createHash('md5')
  const running = upload.checksumAlgorithm && startChecksum(upload.checksumAlgorithm)
  const copy = async function* () {
    for await (const chunk of store.bodies.read(segments, start, end)) {
      md5.update(chunk)
      running?.update(chunk)
      yield chunk
    }
  }
  const body = await store.bodies.write(copy())
  const etag = md5.digest('hex')
  const value = running?.digest().toString('base64')
  let lastModified: number
  try {
    lastModified = putPart(store, bucket, upload, { number, body, start: 0, size: end - start, etag, checksum: value })
  } catch (error) {
    await store.bodies.remove(body)
    throw error
  }
  const checksum =
    value && upload.checksumAlgorithm ? ({ algorithm: upload.checksumAlgorithm, type: 'FULL_OBJECT', value } as const) : undefined
  return copyResponse(
    'CopyPartResult',
    { etag, lastModified, checksum },
    { 'x-amz-copy-source-version-id': versionHeader(source.bucket, source.version.versionId)['x-amz-version-id'] },
  )
}

function partNumberOf(request: S3Request): number {
  const text = request.query.get('partNumber')
  const number = Number(text)
  if (Number.isInteger(number) && number >= 1 && number <= 10_000) return number
  throw invalidArgument('Part number must be an integer between 1 and 10000, inclusive', 'partNumber', text)
}

function checkAlgorithm(upload: Upload, checksum: Checksum | undefined): void {
  if (!upload.checksumAlgorithm || checksum?.algorithm === upload.checksumAlgorithm) return
  throw new S3Error('InvalidRequest', {
    message: `Checksum Type mismatch occurred, expected checksum Type: ${upload.checksumAlgorithm.toLowerCase()}, actual checksum Type: ${checksum?.algorithm.toLowerCase() ?? 'null'}`,
  })
}

function copiedRange(header: string | undefined, size: number): [number, number] {
  if (header === undefined) return [0, size]
  const match = /^bytes=(\d+)-(\d+)$/.exec(header)
  if (!match || Number(match[1]) > Number(match[2])) {
    const message =
      'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy'
    throw invalidArgument(message, 'x-amz-copy-source-range', header)
  }
  if (Number(match[2]) >= size) {
    throw invalidArgument(`Range specified is not valid for source object of size: ${size}`, 'x-amz-copy-source-range', header)
  }
  return [Number(match[1]), Number(match[2]) + 1]
}
