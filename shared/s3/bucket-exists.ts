import { HeadBucketCommand, type S3Client, S3ServiceException } from '@aws-sdk/client-s3'

/** Whether a bucket exists. Throws S3's error for anything but 404: a bucket that may not be read (403), or is elsewhere (301), is not one that is gone. */
export async function bucketExists(s3: S3Client, bucket: string): Promise<boolean> {
  try {
    await s3.send(new HeadBucketCommand({ Bucket: bucket }))
    return true
  } catch (error) {
    if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404) return false
    throw error
  }
}
