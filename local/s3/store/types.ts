import type { Segment } from '../bodies/body-store.ts'
import type { Checksum } from '../checksums/checksum.ts'

/** A bucket. `versioning` is empty until it is first enabled, and never becomes empty again. `createdAt` is in ms since 1970. */
export type Bucket = { name: string; region: string; versioning: '' | 'Enabled' | 'Suspended'; createdAt: number }

/** A tag of an object. */
export type Tag = { key: string; value: string }

/** What a write sets on an object besides its bytes: content headers and user metadata by lower-case name. */
export type Attributes = {
  headers: Record<string, string>
  metadata: Record<string, string>
  tags: Tag[]
  storageClass: string
}

/** A restored copy of an archived version: requested, or readable until it expires. Times are in ms since 1970. */
export type Restore = { ongoing: true; days: number; requestedAt: number } | { ongoing: false; expiresAt: number }

/** A range of a version's bytes; in a multipart object it is a part with its number. Checksum values are base64. */
export type StoredSegment = Segment & { number: number; etag: string; checksum?: string }

/** The bytes of an object. The ETag is the MD5 in hex, or a multipart ETag, without quotes. */
export type Content = { size: number; etag: string; segments: StoredSegment[]; checksum?: Checksum; partCount?: number }

/** A version or delete marker (size 0, empty ETag) of a key. `sequence` ranks the versions of a key. */
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
