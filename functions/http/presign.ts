import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'

/** A URL that allows one upload until it expires; the headers are signed and must be sent as they are. */
export type PresignedUpload = { url: string; method: 'PUT'; headers: Record<string, string>; expiresAt: Date }

/** A URL that allows downloads until it expires. */
export type PresignedDownload = { url: string; expiresAt: Date }

/** Signs an upload; `expiresIn` is seconds. Signing makes no request, so it does not fail for a bucket that does not exist. */
export async function presignUpload(
  s3: S3Client,
  upload: { bucket: string; key: string; contentType?: string; metadata?: Record<string, string>; expiresIn: number },
): Promise<PresignedUpload> {
  const { bucket, key, contentType, metadata = {}, expiresIn } = upload
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
    expiresAt: expiry(signingDate, expiresIn),
  }
}

/** Signs a download of the latest or a given version; `expiresIn` is seconds. */
export async function presignDownload(
  s3: S3Client,
  download: { bucket: string; key: string; versionId?: string; expiresIn: number },
): Promise<PresignedDownload> {
  const { bucket, key, versionId, expiresIn } = download
  const signingDate = new Date()
  const command = new GetObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId })
  const url = await getSignedUrl(s3, command, { expiresIn, signingDate })
  return { url, expiresAt: expiry(signingDate, expiresIn) }
}

function expiry(signingDate: Date, expiresIn: number): Date {
  // The signature has whole seconds.
  return new Date(Math.floor(signingDate.getTime() / 1000) * 1000 + expiresIn * 1000)
}
