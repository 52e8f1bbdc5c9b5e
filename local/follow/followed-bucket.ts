import { HeadBucketCommand, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { DEFAULT_REGION } from '../aws-account.ts'

/** A bucket of an S3 of the user's own, which the catalog follows instead of the one on this machine. */
export type FollowedBucket = {
  endpoint: string
  bucket: string
  /** Seconds between two reconciles. */
  pollSeconds: number
  /** Port of the webhook that takes its events; 0 takes a free one. */
  webhookPort: number
}

/** How to reach it: credentials and region are those of the AWS environment or profile. */
export function clientConfig({ endpoint }: FollowedBucket, env: NodeJS.ProcessEnv = process.env): S3ClientConfig {
  return {
    endpoint,
    forcePathStyle: true,
    region: env.AWS_REGION || env.AWS_DEFAULT_REGION || DEFAULT_REGION,
    // Older implementations know no checksums but MD5.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  }
}

/** Creates the client. Throws an error that says what to do when the bucket cannot be read. */
export async function openFollowedBucket(followed: FollowedBucket): Promise<S3Client> {
  const s3 = new S3Client(clientConfig(followed))
  try {
    await s3.send(new HeadBucketCommand({ Bucket: followed.bucket }))
    return s3
  } catch (error) {
    s3.destroy()
    const { name = 'Error', message = '' } = error instanceof Error ? error : {}
    const reason = message && message !== 'UnknownError' ? `${name}: ${message}` : name
    throw new Error(
      `Bucket ${followed.bucket} at ${followed.endpoint} cannot be read (${reason}). Check the address, the bucket, and the credentials of the AWS environment or profile`,
      { cause: error },
    )
  }
}
