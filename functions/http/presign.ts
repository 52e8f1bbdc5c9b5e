import { GetObjectCommand, HeadBucketCommand, PutObjectCommand, type S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { Conflict, NotFound } from '../../shared/errors.ts'

/** A URL that allows one upload until it expires, at `expiresAt` or later; the headers are signed and must be sent as they are. */
export type PresignedUpload = { url: string; method: 'PUT'; headers: Record<string, string>; expiresAt: Date }

/** A URL that allows downloads until it expires, at `expiresAt` or later. */
export type PresignedDownload = { url: string; expiresAt: Date }

/** Signs an upload; `expiresIn` is seconds. Throws NotFound for a bucket that does not exist, Conflict for one that S3 refuses. */
export async function presignUpload(
  s3: S3Client,
  upload: { bucket: string; key: string; contentType?: string; metadata?: Record<string, string>; expiresIn: number },
): Promise<PresignedUpload> {
  const { bucket, key, contentType, metadata = {}, expiresIn } = upload
  await ensureBucket(s3, bucket)
  const names = Object.keys(metadata).map(name => `x-amz-meta-${name.toLowerCase()}`)
  const headers = Object.fromEntries(Object.values(metadata).map((value, i) => [names[i]!, value]))
  const signingDate = new Date()
  const command = new PutObjectCommand({ Bucket: bucket, Key: key, ContentType: contentType, Metadata: metadata })
  const url = await getSignedUrl(s3, command, {
    expiresIn,
    signingDate,
    // As headers, not in the query: so they are what the caller sends, and nothing else is accepted.
    unhoistableHeaders: new Set(names),
    signableHeaders: new Set(['host', ...(contentType ? ['content-type'] : [])]),
  })
  return {
    url,
    method: 'PUT',
    headers: { ...(contentType && { 'content-type': contentType }), ...headers },
    expiresAt: await expiry(s3, signingDate, expiresIn),
  }
}

/** Signs a download of the latest or a given version; `expiresIn` is seconds. Throws NotFound for a bucket that does not exist, Conflict for one that S3 refuses. */
export async function presignDownload(
  s3: S3Client,
  download: { bucket: string; key: string; versionId?: string; expiresIn: number },
): Promise<PresignedDownload> {
  const { bucket, key, versionId, expiresIn } = download
  await ensureBucket(s3, bucket)
  const signingDate = new Date()
  const command = new GetObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId })
  const url = await getSignedUrl(s3, command, { expiresIn, signingDate })
  return { url, expiresAt: await expiry(s3, signingDate, expiresIn) }
}

/** Signing makes no request: without this, URLs of a bucket that does not exist would be signed as well. */
async function ensureBucket(s3: S3Client, bucket: string): Promise<void> {
  try {
    await s3.send(new HeadBucketCommand({ Bucket: bucket }))
  } catch (error) {
    const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined
    if (status === 404) throw new NotFound(`No bucket ${bucket}`)
    if (status === 403 || status === 301) throw new Conflict(`S3 refuses bucket ${bucket}: it is not a bucket of this catalog`)
    throw error
  }
}

/**
 * Seconds for which a session is valid at least when its end is not known. Lambda does not say when the credentials of a function end, but they
 * must outlast an invocation of 15 minutes.
 */
const SESSION_SECONDS = 900

/** Until when a URL works at least: it ends with the session of the credentials that signed it. */
async function expiry(s3: S3Client, signingDate: Date, expiresIn: number): Promise<Date> {
  const { sessionToken, expiration } = await s3.config.credentials()
  const session = expiration?.getTime() ?? (sessionToken ? signingDate.getTime() + SESSION_SECONDS * 1000 : Infinity)
  // The signature has whole seconds.
  const signed = Math.floor(signingDate.getTime() / 1000) * 1000 + expiresIn * 1000
  return new Date(Math.min(signed, Math.floor(session / 1000) * 1000))
}
