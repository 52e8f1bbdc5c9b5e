import { HeadBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { CliError, errorCode, isNetworkError } from '../terminal/cli-error.ts'
import { isLoopback, startHint, type Target } from './target.ts'

/** The bucket of a place, through the AWS SDK. */
export type Bucket = { s3: S3Client; name: string; address: string }

/** Opens the bucket of a place; nothing is asked yet. The SDK tries each request up to five times. Throws CliError when no bucket is named. */
export function openBucket(target: Target, { concurrency = 16 }: { concurrency?: number } = {}): Bucket {
  const { apiUrl, s3Url, region, credentials, bucket } = target
  if (bucket === undefined) throw new CliError('Which bucket? Say it with --bucket or CATALOG_BUCKET')
  // Neither AWS nor the S3 of another catalog on this machine is what a local API belongs to.
  if (!s3Url && isLoopback(apiUrl))
    throw new CliError(`Where is the S3 of ${apiUrl}? Say it with --s3, or its folder with --data`)
  const s3 = new S3Client({
    ...(s3Url ? { endpoint: s3Url, forcePathStyle: true } : {}),
    ...(credentials ? { credentials } : {}),
    region,
    maxAttempts: 5,
    // The walk of the listing and the parts of large files need connections of their own.
    requestHandler: {
      connectionTimeout: 5000,
      httpAgent: { maxSockets: concurrency + 16 },
      httpsAgent: { maxSockets: concurrency + 16 },
    },
  })
  return { s3, name: bucket, address: s3Url ?? `S3 in ${region}` }
}

/** Throws CliError with what is wrong unless the bucket is there and may be used. */
export async function checkBucketAccess(bucket: Bucket): Promise<void> {
  try {
    await bucket.s3.send(new HeadBucketCommand({ Bucket: bucket.name }))
  } catch (error) {
    throw explainS3Error(error, bucket)
  }
}

/** The same error as what an operator can do about it, where that is known. */
export function explainS3Error(error: unknown, { name, address }: Bucket): unknown {
  if (isNetworkError(error)) {
    const todo = address.startsWith('http') ? ` ${startHint(address)}` : ''
    return new CliError(`Nothing answers at ${address} (${errorCode(error)}).${todo}`, { cause: error })
  }
  const code = errorCode(error)
  if (code === 'NotFound' || code === 'NoSuchBucket')
    return new CliError(`There is no bucket ${name} at ${address}: choose one with --bucket`)
  if (code === 'Forbidden' || code === 'AccessDenied' || code === '403')
    return new CliError(`${address} does not let you use bucket ${name}: ${code}`)
  return error
}
