import type { S3Server } from '../../../local/s3/server.ts'
import { createBucket } from '../../../local/s3/store/buckets.ts'
import { newVersionId } from '../../../local/s3/store/version-ids.ts'

/** A month: the events of versions that old have long been delivered. */
const AGE_MS = 30 * 24 * 3600 * 1000

/** Creates a versioned bucket with objects of one version each, directly in the server's store: no requests, no events. */
export function fillBucket({ store }: S3Server, bucket: string, versions: number, nameOf: (n: number) => string): void {
  createBucket(store, bucket, { versioning: 'Enabled' })
  const insert = store.db.prepare(`
    insert into version
      (bucket, key, version_id, sequence, is_latest, is_delete_marker, size, etag, last_modified, storage_class, headers, metadata, tags)
    values (?, ?, ?, ?, 1, 0, ?, ?, ?, 'STANDARD', '{"content-type":"application/pdf"}', ?, '[{"key":"project","value":"archive"}]')`)
  store.transaction(() => {
    for (let n = 0; n < versions; n++) {
      const sequence = store.nextSequence()
      const etag = n.toString(16).padStart(32, '0')
      insert.run(
        bucket,
        Buffer.from(nameOf(n)),
        newVersionId(sequence),
        sequence,
        n,
        etag,
        store.now() - AGE_MS,
        `{"number":"${n}"}`,
      )
    }
  })
}
