import { ListObjectVersionsCommand, type S3Client } from '@aws-sdk/client-s3'
import { compareKeys } from '../key-order.ts'
import type { ListedVersion } from '../listing.ts'
import { keyReader, nextKeyMarker } from './listed-keys.ts'
import { isNoSuchBucket } from './requests.ts'

/** A version or delete marker of a page, with its key. */
export type PageEntry = ListedVersion & { key: string }

/** Where a listing continues: after that version of the key or, without a version id, after all versions of the key. */
export type VersionMarker = { key?: string; versionId?: string }

/** One page of ListObjectVersions, in the order of keys. `next` is undefined on the last page. */
export type VersionPage = { entries: PageEntry[]; next?: VersionMarker }

/**
 * Fetches one page of the versions and delete markers of a bucket. One request; `pageSize` is at most 1,000. Throws when the next page would
 * begin where this one did or before its last key: a listing that does not advance never ends.
 */
export async function fetchVersionPage(
  s3: S3Client,
  { bucket, prefix, after = {}, pageSize }: { bucket: string; prefix: string; after?: VersionMarker; pageSize?: number },
): Promise<VersionPage> {
  const page = await s3.send(
    new ListObjectVersionsCommand({
      Bucket: bucket,
      Prefix: prefix,
      KeyMarker: after.key,
      VersionIdMarker: after.versionId,
      MaxKeys: pageSize,
      EncodingType: 'url',
    }),
  )
  const { Versions = [], DeleteMarkers = [], IsTruncated, NextVersionIdMarker } = page
  const readKey = keyReader(page)
  const versions = Versions.map(version => ({
    ...entry(version, readKey),
    isDeleteMarker: false,
    size: version.Size ?? 0,
    etag: version.ETag?.replaceAll('"', '') || null,
    storageClass: version.StorageClass ?? 'STANDARD',
  }))
  const markers = DeleteMarkers.map(marker => ({
    ...entry(marker, readKey),
    isDeleteMarker: true,
    size: null,
    etag: null,
    storageClass: null,
  }))
  const entries = [...versions, ...markers]
  // S3 sends two lists, each in order.
  if (versions.length > 0 && markers.length > 0) entries.sort((a, b) => compareKeys(a.key, b.key))
  if (!IsTruncated) return { entries }
  const last = entries.at(-1)?.key
  const next = { key: nextKeyMarker(page, last, after.key), versionId: NextVersionIdMarker }
  if (!isAfter(next, last, after))
    throw new Error(`The listing of ${bucket} does not advance: ${describe(after)} is followed by ${describe(next)}`)
  return { entries, next }
}

/** Fetches one page of the versions of keys that start with a key, that key first. Empty when there is no such bucket: then the key has no versions. */
export async function fetchKeyPage(
  s3: S3Client,
  { key, ...page }: { bucket: string; key: string; after?: VersionMarker; pageSize?: number },
): Promise<VersionPage> {
  try {
    return await fetchVersionPage(s3, { ...page, prefix: key })
  } catch (error) {
    if (isNoSuchBucket(error)) return { entries: [] }
    throw error
  }
}

/** Whether a page that begins at `next` follows one that began at `after` and ended with the key `last`. */
function isAfter(next: VersionMarker & { key: string }, last = '', after: VersionMarker): boolean {
  const order = compareKeys(next.key, after.key ?? '')
  return compareKeys(next.key, last) >= 0 && (order > 0 || (order === 0 && next.versionId !== after.versionId))
}

function describe({ key, versionId }: VersionMarker): string {
  if (key === undefined) return 'the beginning'
  return `marker ${JSON.stringify(key)}${versionId === undefined ? '' : ` (version ${versionId})`}`
}

function entry({ Key = '', VersionId = 'null', IsLatest = false, LastModified }: Listed, readKey: (key: string) => string) {
  return {
    key: readKey(Key),
    versionId: VersionId,
    isLatest: IsLatest,
    lastModified: Math.floor((LastModified?.getTime() ?? Number.NaN) / 1000),
  }
}

type Listed = { Key?: string; VersionId?: string; IsLatest?: boolean; LastModified?: Date }
