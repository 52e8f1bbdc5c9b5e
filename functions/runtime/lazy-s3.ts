import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'

/** A write holds the lock of its key while it waits for S3, and API Gateway waits 29 seconds. Milliseconds. */
const TIMEOUTS = { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true }

/** A client that is created on the first call, and then kept. */
export function lazyS3(config: S3ClientConfig): () => Promise<S3Client> {
  let client: Promise<S3Client> | undefined
  return () => {
    client ??= import('./s3-client.ts').then(({ s3Client }) =>
      // By default a presigned upload would include the checksum of the empty body at the time of signing.
      s3Client({ requestChecksumCalculation: 'WHEN_REQUIRED', requestHandler: TIMEOUTS, maxAttempts: 2, ...config }),
    )
    return client
  }
}
