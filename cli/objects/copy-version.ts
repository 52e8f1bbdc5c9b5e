import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import pMap from 'p-map'
import type { Bucket } from '../connect/bucket.ts'

/** The largest object that S3 copies in one request, and the size of a part of a larger one, in bytes. Source: CopyObject. */
const COPY_LIMITS = { whole: 5 * 1024 ** 3, part: 1024 ** 3 }

/**
 * Copies a version of a key over the key, with its content type, metadata, tags and storage class, so that its content is the latest again.
 * The bytes do not leave S3. Returns the id of the new version.
 */
export async function copyVersion(bucket: Bucket, key: string, versionId: string, limits = COPY_LIMITS): Promise<string> {
  const { s3, name: Bucket } = bucket
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: key, VersionId: versionId }))
  const CopySource = `${Bucket}/${key.split('/').map(encodeURIComponent).join('/')}?versionId=${encodeURIComponent(versionId)}`
  const size = head.ContentLength ?? 0
  if (size <= limits.whole) {
    const command = new CopyObjectCommand({ Bucket, Key: key, CopySource, StorageClass: head.StorageClass })
    return (await s3.send(command)).VersionId ?? 'null'
  }
  const { TagSet = [] } = await s3.send(new GetObjectTaggingCommand({ Bucket, Key: key, VersionId: versionId }))
  const { CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, ContentType, Metadata, StorageClass } = head
  const created = new CreateMultipartUploadCommand({
    ...{
      Bucket,
      Key: key,
      CacheControl,
      ContentDisposition,
      ContentEncoding,
      ContentLanguage,
      ContentType,
      Metadata,
      StorageClass,
    },
    Tagging: new URLSearchParams(TagSet.map(({ Key = '', Value = '' }): [string, string] => [Key, Value])).toString(),
  })
  const { UploadId } = await s3.send(created)
  const upload = { Bucket, Key: key, UploadId }
  try {
    const starts = Array.from({ length: Math.ceil(size / limits.part) }, (_, n) => n * limits.part)
    const Parts = await pMap(
      starts,
      async (start, n) => {
        const CopySourceRange = `bytes=${start}-${Math.min(size, start + limits.part) - 1}`
        const part = { ...upload, PartNumber: n + 1, CopySource, CopySourceRange }
        const { CopyPartResult } = await s3.send(new UploadPartCopyCommand(part))
        return { PartNumber: n + 1, ETag: CopyPartResult?.ETag }
      },
      { concurrency: 8 },
    )
    const completed = await s3.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }))
    return completed.VersionId ?? 'null'
  } catch (error) {
    await s3.send(new AbortMultipartUploadCommand(upload))
    throw error
  }
}
