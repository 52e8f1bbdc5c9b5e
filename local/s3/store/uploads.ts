import { createHash, randomBytes } from 'node:crypto'
import { type Checksum, type ChecksumAlgorithm, type ChecksumType, multipartChecksum } from '../checksums/checksum.ts'
import { S3Error } from '../errors.ts'
import type { Actor } from '../events/notification.ts'
import type { Bucket } from './buckets.ts'
import type { Store } from './store.ts'
import type { Attributes, StoredSegment } from './versions.ts'
import { addVersion } from './write-versions.ts'

/** A multipart upload under way. Its sequence and time are those of its start: they rank the object that comes of it. */
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

/** A part that was uploaded; the checksum is that of the upload's algorithm, in base64. */
export type Part = StoredSegment & { uploadedAt: number }

/** S3's smallest part, the last one excepted: 5 MiB. */
export const MIN_PART_BYTES = 5 * 1024 ** 2

/** Begins an upload and returns its id; its rank is taken now. */
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

/** The upload of that id for that very key, or NoSuchUpload. */
export function findUpload(store: Store, bucket: Bucket, key: string, uploadId: string | undefined): Upload {
  const row = store.sql.get`
    select * from upload where upload_id = ${uploadId ?? ''} and bucket = ${bucket.name} and key = ${Buffer.from(key)}`
  if (!row) throw new S3Error('NoSuchUpload', { details: { UploadId: uploadId } })
  return toUpload(row as UploadRow)
}

/** Stores a part in place of one that has its number; returns when. */
export function putPart(store: Store, bucket: Bucket, upload: Upload, part: Omit<Part, 'uploadedAt'>): number {
  const uploadedAt = store.now()
  store.change(() => {
    // The upload may have been completed or aborted while the part was on its way.
    findUpload(store, bucket, upload.key, upload.uploadId)
    const old = store.sql.get`select body from part where upload = ${upload.id} and number = ${part.number}`
    if (old) store.release([String(old.body)])
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

/** Ends an upload; its parts are removed. */
export function abortUpload(store: Store, upload: Upload): void {
  store.change(() => {
    store.release(partsOf(store, upload).map(part => part.body))
    store.sql.run`delete from upload where id = ${upload.id}`
  })
}

/** Makes the object of the parts named, in their order; the caller has checked them and holds the transaction. */
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
  // Parts that were left out of the completion go with the upload.
  store.release(partsOf(store, upload).map(part => part.body))
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

/** What completing an upload answers. */
export type CompletedUpload = { versionId: string; etag: string; checksum?: Checksum }

/** What the completion of an upload answered, undefined if it was never completed, or more than a day ago. */
export function findCompleted(
  store: Store,
  bucket: Bucket,
  key: string,
  uploadId: string | undefined,
): CompletedUpload | undefined {
  const row = store.sql.get`
    select version_id, etag, checksum
    from completed_upload
    where upload_id = ${uploadId ?? ''} and bucket = ${bucket.name} and key = ${Buffer.from(key)}` as
    | { version_id: string; etag: string; checksum: string | null }
    | undefined
  return (
    row && { versionId: row.version_id, etag: row.etag, ...(row.checksum === null ? {} : { checksum: JSON.parse(row.checksum) }) }
  )
}

/** How long a completed upload is remembered, in milliseconds. */
const REMEMBER_MS = 86_400_000

function rememberCompleted(store: Store, upload: Upload, { versionId, etag, checksum }: CompletedUpload): void {
  store.sql.run`delete from completed_upload where completed_at < ${store.now() - REMEMBER_MS}`
  store.sql.run`
    insert into completed_upload (upload_id, bucket, key, version_id, etag, checksum, completed_at)
    values (${upload.uploadId}, ${upload.bucket}, ${Buffer.from(upload.key)}, ${versionId}, ${etag},
            ${checksum ? JSON.stringify(checksum) : null}, ${store.now()})`
}

/** A row of the table `upload`; JSON columns as text. */
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

/** A row as the upload it stands for. */
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
