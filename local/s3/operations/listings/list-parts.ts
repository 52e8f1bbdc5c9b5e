import { checksumElement } from '../../checksums/checksum.ts'
import { xmlDate } from '../../encoding.ts'
import { countParameter, type S3Request } from '../../http/request.ts'
import { type S3Response, xmlResponse } from '../../http/response.ts'
import type { Store } from '../../store/store.ts'
import type { Bucket } from '../../store/types.ts'
import { findUpload, partsOf } from '../../store/uploads.ts'
import { owner } from '../owner.ts'
import { uploadChecksum } from './list-multipart-uploads.ts'

/** ListParts. */
export function listParts(store: Store, request: S3Request, bucket: Bucket, key: string): S3Response {
  const upload = findUpload(store, bucket, key, request.query.get('uploadId'))
  const max = countParameter(request, 'max-parts', 1000)
  const marker = request.query.has('part-number-marker') ? countParameter(request, 'part-number-marker', 2 ** 31 - 1) : 0
  const rest = partsOf(store, upload).filter(part => part.number > marker)
  const page = rest.slice(0, max)
  const { checksumAlgorithm: algorithm } = upload
  return xmlResponse('ListPartsResult', {
    Bucket: bucket.name,
    Key: key,
    UploadId: upload.uploadId,
    Initiator: { ID: upload.principalId, DisplayName: upload.principalId },
    Owner: owner,
    StorageClass: upload.storageClass,
    PartNumberMarker: marker,
    NextPartNumberMarker: page.at(-1)?.number ?? 0,
    MaxParts: max,
    IsTruncated: rest.length > page.length,
    ...uploadChecksum(upload),
    Part: page.map(part => ({
      PartNumber: part.number,
      LastModified: xmlDate(part.uploadedAt),
      ETag: `"${part.etag}"`,
      Size: part.size,
      ...(algorithm && part.checksum ? { [checksumElement(algorithm)]: part.checksum } : {}),
    })),
  })
}
