import { xmlDate } from '../../encoding.ts'
import type { S3Request } from '../../http/request.ts'
import { type S3Response, xmlResponse } from '../../http/response.ts'
import type { Store } from '../../store/store.ts'
import type { Bucket } from '../../store/types.ts'
import { toUpload, type Upload, type UploadRow } from '../../store/uploads.ts'
import { owner } from '../owner.ts'
import { listParameters } from './list-parameters.ts'
import { afterKey, type Fetch, type Position, walk } from './walk.ts'

/** ListMultipartUploads: ordered by key, and within a key by start, oldest first. */
export function listMultipartUploads(store: Store, request: S3Request, bucket: Bucket): S3Response {
  const { prefix, delimiter, encode, encoding, max } = listParameters(request, 'max-uploads')
  const keyMarker = request.query.get('key-marker') ?? ''
  const uploadIdMarker = request.query.get('upload-id-marker') ?? ''
  const start = startPosition(store, bucket, keyMarker, uploadIdMarker)
  const after = (row: UploadRow): Position => ({ key: Buffer.from(row.key), past: row.sequence })
  const page = walk(uploadsOldestFirst(store, bucket), { prefix, delimiter, start, max, after })
  const last = page.next && page.last
  return xmlResponse('ListMultipartUploadsResult', {
    Bucket: bucket.name,
    KeyMarker: encode(keyMarker),
    UploadIdMarker: uploadIdMarker,
    NextKeyMarker: last && encode('prefix' in last ? last.prefix : Buffer.from(last.item.key).toString()),
    NextUploadIdMarker: last && 'item' in last ? last.item.upload_id : undefined,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    EncodingType: encoding,
    MaxUploads: max,
    IsTruncated: page.next !== undefined,
    Upload: page.items.map(row => {
      const upload = toUpload(row)
      return {
        Key: encode(upload.key),
        UploadId: upload.uploadId,
        Initiator: { ID: upload.principalId, DisplayName: upload.principalId },
        Owner: owner,
        StorageClass: upload.storageClass,
        Initiated: xmlDate(upload.initiatedAt),
        ...uploadChecksum(upload),
      }
    }),
    CommonPrefixes: page.prefixes.map(one => ({ Prefix: encode(one) })),
  })
}

function startPosition(store: Store, bucket: Bucket, keyMarker: string, uploadIdMarker: string): Position {
  if (keyMarker === '') return { key: Buffer.alloc(0) }
  if (uploadIdMarker === '') return afterKey(keyMarker)
  const row = store.sql.get`select sequence from upload where upload_id = ${uploadIdMarker} and bucket = ${bucket.name}`
  return row ? { key: Buffer.from(keyMarker), past: Number(row.sequence) } : afterKey(keyMarker)
}

function uploadsOldestFirst(store: Store, bucket: Bucket): Fetch<UploadRow> {
  return (from, until, limit) =>
    store.sql.all`
      select *
      from upload
      where bucket = ${bucket.name} and key >= ${from.key} and key < ${until}
        and (key > ${from.key} or sequence > ${from.past ?? -1})
      order by key, sequence
      limit ${limit}` as UploadRow[]
}

/** The checksum algorithm and type of an upload, as elements of an XML document. */
export function uploadChecksum(upload: Upload) {
  return upload.checksumAlgorithm ? { ChecksumAlgorithm: upload.checksumAlgorithm, ChecksumType: upload.checksumType } : {}
}
