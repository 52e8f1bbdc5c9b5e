import type { KeyName } from './names.ts'

/** A version as a listing shows it; delete markers have no size, etag and class. `size` is bytes, `lastModified` seconds since 1970. */
export type ListedVersion = {
  versionId: string
  isLatest: boolean
  isDeleteMarker: boolean
  size: number | null
  etag: string | null
  storageClass: string | null
  lastModified: number
}

/** All versions of one key. `asOf` is a database time: before the first of them was listed in S3, after the last was read in the catalog. */
export type ListedKey<Version extends ListedVersion = ListedVersion> = { key: string; asOf: string; versions: Version[] }

/** The keys to list: those with the prefix, after the key `after`. `pageSize` is the most that one request asks for. */
export type KeyRange = { bucket: KeyName['bucket']; prefix: string; after?: string; pageSize?: number }
