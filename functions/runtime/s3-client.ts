import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'

/** A client of S3. A file of its own to be imported lazily, because a bundle contains the whole SDK package where a package is imported lazily. */
export function s3Client(config: S3ClientConfig): S3Client {
  return new S3Client(config)
}
