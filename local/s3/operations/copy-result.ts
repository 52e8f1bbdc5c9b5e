import type { Checksum } from '../checksums/checksum.ts'
import { xmlDate } from '../encoding.ts'
import { checksumElements } from '../headers/checksums.ts'
import { type S3Response, xmlResponse } from '../http/response.ts'

/** The response of CopyObject and UploadPartCopy. */
export function copyResponse(
  root: 'CopyObjectResult' | 'CopyPartResult',
  copied: { etag: string; lastModified: number; checksum?: Checksum },
  headers: S3Response['headers'],
): S3Response {
  const { etag, lastModified, checksum } = copied
  return xmlResponse(root, { LastModified: xmlDate(lastModified), ETag: `"${etag}"`, ...checksumElements(checksum) }, headers)
}
