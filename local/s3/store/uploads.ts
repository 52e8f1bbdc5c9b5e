import { createHash, randomBytes } from 'node:crypto'
import { type Checksum, type ChecksumAlgorithm, type ChecksumType, multipartChecksum } from '../checksums/checksum.ts'
import { S3Error } from '../errors.ts'
import type { Actor } from './change.ts'
import { rememberCompleted } from './completed-uploads.ts'
import type { Store } from './store.ts'
import type { Attributes, Bucket, StoredSegment } from './types.ts'
import { addVersion } from './write-versions.ts'

/** A multipart upload in progress. Its sequence and time are those of its start; the completed object is ranked by them. */
export type Upload = Attributes & {
  id: number
  uploadId: string
  bucket: string
  key: string
  sequence: number
  initiatedAt: number
  principalId: string
  checksumAlgorithm?: ChecksumAlgorithm
  checksumType?: ChecksumType
  supersededAt?: number
}

/** An uploaded part; its checksum is of the upload's algorithm, in base64. `uploadedAt` is in ms since 1970. */
export type Part = StoredSegment & { uploadedAt: number }

/** The minimum size of each part but the last: 5 MiB. */
export const MIN_PART_BYTES = 5 * 1024 ** 2

/** Starts an upload and returns its id. The start decides the rank of the completed object. */
export function createUpload(
  store: Store,
  bucket: Bucket,
  key: string,
  attributes: Attributes,
  checksum: { algorithm?: ChecksumAlgorithm; type?: ChecksumType },
  principalId: string,
): string {
  const uploadId = randomBytes(48).toString('base64url').replaceAll('-', '.')
  store.sql.run`
    insert into upload
      (upload_id, bucket, key, sequence, initiated_at, principal_id, storage_class, headers, metadata, tags, checksum_algorithm, checksum_type)
    values
      (${uploadId}, ${bucket.name}, ${Buffer.from(key)}, ${store.nextSequence()}, ${store.now()}, ${principalId}, ${attributes.storageClass},
       ${JSON.stringify(attributes.headers)}, ${JSON.stringify(attributes.metadata)}, ${JSON.stringify(attributes.tags)},
       ${checksum.algorithm ?? null}, ${checksum.type ?? null})`
  return uploadId
}

/** The upload with that id, which must be for that key; else NoSuchUpload. */
export function findUpload(store: Store, bucket: Bucket, key: string, uploadId: string | undefined): Upload {
  const row = store.sql.get`
    select * from upload where upload_id = ${uploadId ?? ''} and bucket = ${bucket.name} and key = ${Buffer.from(key)}`
  if (!row) throw new S3Error('NoSuchUpload', { details: { UploadId: uploadId } })
  return toUpload(row as UploadRow)
}

/** Stores a part, replacing one of the same number; returns the time in ms since 1970. */
export function putPart(store: Store, bucket: Bucket, upload: Upload, part: Omit<Part, 'uploadedAt'>): number {
  const uploadedAt = store.now()
  store.transaction(() => {
    // The upload may have been completed or aborted while the part arrived.
    findUpload(store, bucket, upload.key, upload.uploadId)
    const old = store.sql.get`select body from part where upload = ${upload.id} and number = ${part.number}`
    if (old) store.releaseBodies([String(old.body)])
    store.sql.run`
      insert or replace into part (upload, number, body, start, size, etag, checksum, uploaded_at)
      values (${upload.id}, ${part.number}, ${part.body}, ${part.start}, ${part.size}, ${part.etag}, ${part.checksum ?? null}, ${uploadedAt})`
  })
  return uploadedAt
}

/** The parts of an upload by number. */
export function partsOf(store: Store, upload: Upload): Part[] {
  const rows = store.sql.all`select * from part where upload = ${upload.id} order by number` as PartRow[]
  return rows.map(({ number, body, start, size, etag, checksum, uploaded_at }) => ({
    ...{ number, body, start, size, etag },
    ...(checksum === null ? {} : { checksum }),
    uploadedAt: uploaded_at,
  }))
}

/** Aborts an upload and removes its parts. */
export function abortUpload(store: Store, upload: Upload): void {
  store.transaction(() => {
    store.releaseBodies(partsOf(store, upload).map(part => part.body))
    store.sql.run`delete from upload where id = ${upload.id}`
  })
}

/** Creates the object from the given parts, in their order. The caller has checked them and holds the transaction. */
export function completeUpload(store: Store, bucket: Bucket, upload: Upload, parts: Part[], actor: Actor) {
  const { checksumAlgorithm: algorithm, checksumType: type } = upload
  const md5s = Buffer.concat(parts.map(part => Buffer.from(part.etag, 'hex')))
  const etag = `${createHash('md5').update(md5s).digest('hex')}-${parts.length}`
  const checksum: Checksum | undefined =
    algorithm && type
      ? multipartChecksum(
          algorithm,
          type,
          parts.map(part => ({ value: part.checksum ?? '', size: part.size })),
        )
      : undefined
  const size = parts.reduce((sum, part) => sum + part.size, 0)
  // Parts that the completion did not name are removed with the upload.
  store.releaseBodies(partsOf(store, upload).map(part => part.body))
  store.sql.run`delete from upload where id = ${upload.id}`
  const content = { size, etag, checksum, segments: parts, partCount: parts.length }
  const rank = { sequence: upload.sequence, lastModified: upload.initiatedAt, supersededAt: upload.supersededAt }
  const added = addVersion(store, bucket, upload.key, content, upload, {
    event: 'ObjectCreated:CompleteMultipartUpload',
    actor,
    rank,
  })
  const completed = { versionId: added.versionId, etag, checksum }
  rememberCompleted(store, upload, completed)
  return { ...completed, size }
}

/** A row of the table `upload`; JSON columns are text. */
export type UploadRow = {
  id: number
  upload_id: string
  bucket: string
  key: Uint8Array
  sequence: number
  initiated_at: number
  principal_id: string
  storage_class: string
  headers: string
  metadata: string
  tags: string
  checksum_algorithm: ChecksumAlgorithm | null
  checksum_type: ChecksumType | null
  superseded_at: number | null
}

type PartRow = {
  number: number
  body: string
  start: number
  size: number
  etag: string
  checksum: string | null
  uploaded_at: number
}

/** Converts a row of the table to an upload. */
export function toUpload(row: UploadRow): Upload {
  return {
    id: row.id,
    uploadId: row.upload_id,
    bucket: row.bucket,
    key: Buffer.from(row.key).toString(),
    sequence: row.sequence,
    initiatedAt: row.initiated_at,
    principalId: row.principal_id,
    storageClass: row.storage_class,
    headers: JSON.parse(row.headers),
    metadata: JSON.parse(row.metadata),
    tags: JSON.parse(row.tags),
    ...(row.checksum_algorithm === null ? {} : { checksumAlgorithm: row.checksum_algorithm }),
    ...(row.checksum_type === null ? {} : { checksumType: row.checksum_type }),
    ...(row.superseded_at === null ? {} : { supersededAt: row.superseded_at }),
  }
}
