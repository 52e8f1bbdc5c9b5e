import type { Checksum } from '../checksums/checksum.ts'
import type { Store } from './store.ts'
import type { Bucket } from './types.ts'

/** The result of completing an upload. */
export type CompletedUpload = { versionId: string; etag: string; checksum?: Checksum }

/** The result of an upload that was completed within the last day; undefined otherwise. */
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

/** How long the result of a completed upload is kept, in ms. */
const REMEMBER_MS = 86_400_000

/** Stores the result for clients that retry the completion. */
export function rememberCompleted(
  store: Store,
  upload: { uploadId: string; bucket: string; key: string },
  { versionId, etag, checksum }: CompletedUpload,
): void {
  store.sql.run`delete from completed_upload where completed_at < ${store.now() - REMEMBER_MS}`
  store.sql.run`
    insert into completed_upload (upload_id, bucket, key, version_id, etag, checksum, completed_at)
    values (${upload.uploadId}, ${upload.bucket}, ${Buffer.from(upload.key)}, ${versionId}, ${etag},
            ${checksum ? JSON.stringify(checksum) : null}, ${store.now()})`
}
