import { HeadBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { CliError, errorCode, isNetworkError } from '../terminal/cli-error.ts'
import { isLoopback, startHint, type Target } from './target.ts'

/** A bucket, its client, and its endpoint for messages. */
export type Bucket = { s3: S3Client; name: string; address: string }

/** Creates the client for the bucket of a target; no request is sent yet, each is tried up to five times. Throws CliError when no bucket is given. */
export function openBucket(target: Target, { concurrency = 16 }: { concurrency?: number } = {}): Bucket {
  const { apiUrl, s3Url, region, credentials, bucket } = target
  if (bucket === undefined) throw new CliError('No bucket given: set --bucket or CATALOG_BUCKET')
  // The S3 of a local API is neither AWS nor that of another catalog on this machine, so it is not guessed.
  if (!s3Url && isLoopback(apiUrl))
    throw new CliError(`The S3 endpoint of ${apiUrl} is unknown: set --s3, or --data to its data folder`)
  const s3 = new S3Client({
    ...(s3Url ? { endpoint: s3Url, forcePathStyle: true } : {}),
    ...(credentials ? { credentials } : {}),
    region,
    maxAttempts: 5,
    // Beside the files: the listing, and the parts of large files.
    requestHandler: {
      connectionTimeout: 5000,
      httpAgent: { maxSockets: concurrency + 16 },
      httpsAgent: { maxSockets: concurrency + 16 },
    },
  })
  return { s3, name: bucket, address: s3Url ?? `S3 in ${region}` }
}

/** Throws CliError unless the bucket exists and may be used. */
export async function checkBucketAccess(bucket: Bucket): Promise<void> {
  try {
    await bucket.s3.send(new HeadBucketCommand({ Bucket: bucket.name }))
  } catch (error) {
    throw explainS3Error(error, bucket)
  }
}

/** Turns a known S3 error into a CliError that says what to do; returns others as they are. */
export function explainS3Error(error: unknown, { name, address }: Bucket): unknown {
  if (isNetworkError(error)) {
    const hint = address.startsWith('http') ? ` ${startHint(address)}` : ''
    return new CliError(`Cannot reach ${address} (${errorCode(error)}).${hint}`, { cause: error })
  }
  const code = errorCode(error)
  if (code === 'NotFound' || code === 'NoSuchBucket')
    return new CliError(`Bucket ${name} does not exist at ${address}: choose one with --bucket`)
  if (code === 'Forbidden' || code === 'AccessDenied' || code === '403')
    return new CliError(`No access to bucket ${name} at ${address}: ${code}`)
  if (
    code === 'InvalidAccessKeyId' ||
    code === 'SignatureDoesNotMatch' ||
    (code === 'CredentialsProviderError' && isLocal(address))
  )
    return new CliError(
      `${address} does not accept these credentials${isLocal(address) ? ': name the data folder of its catalog with --data' : ''}`,
      { cause: error },
    )
  return error
}

const isLocal = (address: string) => URL.canParse(address) && isLoopback(address)
