import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'

/** S3's client. Imported lazily as a file of its own, because a bundle takes the whole SDK where a package is imported lazily. */
export function s3Client(config: S3ClientConfig): S3Client {
  return new S3Client(config)
}
