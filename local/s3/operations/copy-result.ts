import type { Checksum } from '../checksums/checksum.ts'
import { xmlDate } from '../encoding.ts'
import { checksumElements } from '../headers/checksums.ts'
import { type Answer, xmlAnswer } from '../http/response.ts'

/** The answer to CopyObject and UploadPartCopy. */
export function copyAnswer(
  root: 'CopyObjectResult' | 'CopyPartResult',
  copied: { etag: string; lastModified: number; checksum?: Checksum },
  headers: Answer['headers'],
): Answer {
  const { etag, lastModified, checksum } = copied
  return xmlAnswer(root, { LastModified: xmlDate(lastModified), ETag: `"${etag}"`, ...checksumElements(checksum) }, headers)
}
