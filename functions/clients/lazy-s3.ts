import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'

/** A client that is made when it is first asked for, and then kept. */
export function lazyS3(config: S3ClientConfig): () => Promise<S3Client> {
  let client: Promise<S3Client> | undefined
  return () => {
    client ??= import('./s3-client.ts').then(({ s3Client }) =>
      // By default a presigned upload would carry, signed, the checksum of the empty body that is there when it is signed.
      s3Client({ requestChecksumCalculation: 'WHEN_REQUIRED', ...config }),
    )
    return client
  }
}
