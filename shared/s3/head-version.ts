import {
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import type { Observation } from '../catalog/observations.ts'
import type { VersionName } from '../catalog/versions.ts'
import { toStoredRecord, toStoredText } from '../database/stored-text.ts'

/** What S3 answers for one version. S3 reads are strongly consistent, so an answer holds every change before the question. */
export type VersionState = Pick<
  Observation,
  'state' | 'size' | 'etag' | 'contentType' | 'lastModified' | 'storageClass' | 'metadata' | 'tags'
>

/** Asks S3 for a version and its tags, both at once: present, a delete marker, or gone. Other errors are thrown. */
export async function headVersion(s3: S3Client, { bucket, key, versionId }: VersionName): Promise<VersionState> {
  const name = { Bucket: bucket, Key: key, VersionId: versionId }
  const [head, tagging] = await Promise.allSettled([
    s3.send(new HeadObjectCommand(name)),
    s3.send(new GetObjectTaggingCommand(name)),
  ])
  if (head.status === 'rejected') {
    // A HEAD has no body that would say that the bucket itself is missing.
    if (tagging.status === 'rejected' && isNoSuchBucket(tagging.reason)) throw tagging.reason
    return stateFromError(s3, { bucket, key, versionId }, head.reason)
  }
  // Between the two answers the version may have gone.
  if (tagging.status === 'rejected') return stateFromError(s3, { bucket, key, versionId }, tagging.reason)
  const { ContentLength, ETag, ContentType, LastModified, StorageClass, Metadata } = head.value
  return {
    state: 'present',
    size: ContentLength ?? 0,
    etag: ETag?.replaceAll('"', ''),
    contentType: ContentType === undefined ? undefined : toStoredText(ContentType),
    lastModified: LastModified,
    storageClass: StorageClass ?? 'STANDARD',
    metadata: toStoredRecord(decodeWords(Metadata ?? {})),
    tags: toStoredRecord(Object.fromEntries((tagging.value.TagSet ?? []).map(({ Key, Value }) => [Key ?? '', Value ?? '']))),
  }
}

/** Asks S3 which version of a key is the latest; null when it has none. One request, however many versions there are. */
export async function fetchLatestVersionId(
  s3: S3Client,
  { bucket, key }: { bucket: string; key: string },
): Promise<string | null> {
  // Of all keys with this prefix the key itself comes first, and of its versions the newest.
  const page = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: key, MaxKeys: 1, EncodingType: 'url' }))
  const [first] = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])]
  if (first === undefined || decodeListedKey(first.Key ?? '') !== key) return null
  return first.VersionId ?? 'null'
}

/** A key of a listing with encoding type `url`. */
export function decodeListedKey(key: string): string {
  return decodeURIComponent(key.replaceAll('+', ' '))
}

/** A HEAD of a delete marker answers 405 with its Last-Modified; of a version that is gone 404. */
async function stateFromError(s3: S3Client, name: VersionName, error: unknown): Promise<VersionState> {
  if (!(error instanceof S3ServiceException)) throw error
  if (error.$metadata.httpStatusCode === 405) {
    const headers = error.$response?.headers ?? {}
    const isMarker = headers['x-amz-delete-marker'] === 'true'
    const lastModified = isMarker ? new Date(headers['last-modified'] ?? Number.NaN) : await findDeleteMarkerTime(s3, name)
    if (lastModified) return { state: 'marker', lastModified, metadata: {}, tags: {} }
  }
  if (error.$metadata.httpStatusCode === 404 && !isNoSuchBucket(error)) return { state: 'gone' }
  // A HEAD has no body that would say more, and `UnknownError` says nothing to whoever finds it in the dead-letter queue.
  if (error.message === 'UnknownError') error.message = `S3 answered ${error.$metadata.httpStatusCode} to a HEAD of the version`
  throw error
}

/** When a delete marker was made, from the listing of its key: LocalStack answers 405 without a header that says why. */
async function findDeleteMarkerTime(s3: S3Client, { bucket, key, versionId }: VersionName): Promise<Date | undefined> {
  const isOfKey = ({ Key = '' }) => decodeListedKey(Key) === key
  let at: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {}
  while (at) {
    const list = new ListObjectVersionsCommand({ Bucket: bucket, Prefix: key, EncodingType: 'url', ...at })
    const page: ListObjectVersionsCommandOutput = await s3.send(list)
    const { Versions = [], DeleteMarkers = [] } = page
    const marker = DeleteMarkers.find(marker => isOfKey(marker) && (marker.VersionId ?? 'null') === versionId)
    if (marker) return marker.LastModified
    // Keys that this one only begins come behind it.
    const goesOn = page.IsTruncated && [...Versions, ...DeleteMarkers].every(isOfKey)
    at = goesOn ? { KeyMarker: key, VersionIdMarker: page.NextVersionIdMarker } : undefined
  }
}

function isNoSuchBucket(error: unknown): boolean {
  return error instanceof S3ServiceException && error.name === 'NoSuchBucket'
}

/** S3 answers metadata outside of ASCII as RFC 2047 encoded words. */
function decodeWords(metadata: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, decodeWord(value)]))
}

function decodeWord(value: string): string {
  return value.replace(/\?=\s+=\?/g, '?==?').replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_, encoding: string, text: string) => {
    if (encoding.toLowerCase() === 'b') return Buffer.from(text, 'base64').toString()
    const bytes = text
      .replaceAll('_', ' ')
      .replaceAll(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    return Buffer.from(bytes, 'latin1').toString()
  })
}
