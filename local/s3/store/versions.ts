import { S3Error } from '../errors.ts'
import type { Store } from './store.ts'
import type { Bucket, StoredSegment, Version } from './types.ts'

/** The latest version of a key, or the version with that id; undefined if there is none. Delete markers are versions too. */
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

/**
 * The version that a request names; it must exist and not be a delete marker. NoSuchKey or NoSuchVersion if there is none,
 * MethodNotAllowed for a delete marker named by its id.
 */
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

/** A row of the table `version`; JSON columns are text. */
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

/** Converts a row of the table to a version. */
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
