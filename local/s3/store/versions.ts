import type { Segment } from '../bodies/file-bodies.ts'
import type { Checksum } from '../checksums/checksum.ts'
import { S3Error } from '../errors.ts'
import type { Bucket } from './buckets.ts'
import type { Store } from './store.ts'

/** A tag of an object. */
export type Tag = { key: string; value: string }

/** What a write says about an object besides its bytes: content headers and user metadata by lower-case name. */
export type Attributes = {
  headers: Record<string, string>
  metadata: Record<string, string>
  tags: Tag[]
  storageClass: string
}

/** A restored copy of an archived version: asked for, or readable until it expires. */
export type Restore = { ongoing: true; days: number } | { ongoing: false; expiresAt: number }

/** A stretch of a version's bytes; of a multipart object it is a part with its number. Checksum values are base64. */
export type StoredSegment = Segment & { number: number; etag: string; checksum?: string }

/** The bytes of an object: hex MD5 or multipart ETag, without quotes. */
export type Content = { size: number; etag: string; segments: StoredSegment[]; checksum?: Checksum; partCount?: number }

/** A version or delete marker (size 0, empty ETag) of a key. */
export type Version = Attributes & {
  id: number
  bucket: string
  key: string
  versionId: string
  sequence: number
  isLatest: boolean
  isDeleteMarker: boolean
  size: number
  etag: string
  lastModified: number
  checksum?: Checksum
  restore?: Restore
  partCount?: number
}

/** The latest version of a key (a delete marker, too), or the one of that id; undefined if there is none. */
export function findVersion(store: Store, bucket: string, key: string, versionId?: string): Version | undefined {
  const bytes = Buffer.from(key)
  const row =
    versionId === undefined
      ? store.sql.get`select * from version where bucket = ${bucket} and key = ${bytes} and is_latest = 1`
      : store.sql.get`select * from version where bucket = ${bucket} and key = ${bytes} and version_id = ${versionId}`
  return row && toVersion(row as VersionRow)
}

/** The segments of a version in order. */
export function segmentsOf(store: Store, version: Version): StoredSegment[] {
  const rows = store.sql.all`
    select number, body, start, size, etag, checksum from segment where version = ${version.id} order by number`
  return (rows as (Omit<StoredSegment, 'checksum'> & { checksum: string | null })[]).map(({ checksum, ...row }) => ({
    ...row,
    ...(checksum === null ? {} : { checksum }),
  }))
}

/** The version a request means, which must be there and no delete marker; `forbidden` is what a marker by id answers. */
export function requireVersion(store: Store, bucket: Bucket, key: string, versionId: string | undefined): Version {
  const version = findVersion(store, bucket.name, key, versionId)
  if (!version && versionId !== undefined) throw new S3Error('NoSuchVersion', { details: { Key: key, VersionId: versionId } })
  if (!version) throw new S3Error('NoSuchKey', { details: { Key: key } })
  if (!version.isDeleteMarker) return version
  const headers = { 'x-amz-delete-marker': 'true', 'x-amz-version-id': version.versionId }
  if (versionId === undefined) throw new S3Error('NoSuchKey', { details: { Key: key }, headers })
  throw new S3Error('MethodNotAllowed', {
    details: { ResourceType: 'DeleteMarker' },
    headers: { ...headers, Allow: 'DELETE', 'Last-Modified': new Date(version.lastModified).toUTCString() },
  })
}

/** A row of the table `version`; JSON columns as text. */
export type VersionRow = {
  id: number
  bucket: string
  key: Uint8Array
  version_id: string
  sequence: number
  is_latest: number
  is_delete_marker: number
  size: number
  etag: string
  last_modified: number
  storage_class: string
  headers: string
  metadata: string
  tags: string
  checksum: string | null
  restore: string | null
  part_count: number | null
}

/** A row as the version it stands for. */
export function toVersion(row: VersionRow): Version {
  return {
    id: row.id,
    bucket: row.bucket,
    key: Buffer.from(row.key).toString(),
    versionId: row.version_id,
    sequence: row.sequence,
    isLatest: row.is_latest === 1,
    isDeleteMarker: row.is_delete_marker === 1,
    size: row.size,
    etag: row.etag,
    lastModified: row.last_modified,
    storageClass: row.storage_class,
    headers: JSON.parse(row.headers),
    metadata: JSON.parse(row.metadata),
    tags: JSON.parse(row.tags),
    ...(row.checksum === null ? {} : { checksum: JSON.parse(row.checksum) }),
    ...(row.restore === null ? {} : { restore: JSON.parse(row.restore) }),
    ...(row.part_count === null ? {} : { partCount: row.part_count }),
  }
}
