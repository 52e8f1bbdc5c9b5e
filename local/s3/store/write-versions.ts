import type { Actor, Change, EventName } from './change.ts'
import type { Store } from './store.ts'
import type { Attributes, Bucket, Content, Version } from './types.ts'
import { newVersionId } from './version-ids.ts'
import { findVersion, segmentsOf } from './versions.ts'

/** The rank of a write that is known in advance: a multipart upload ranks by its start. */
export type Rank = { sequence: number; lastModified: number; supersededAt?: number }

/**
 * Adds a version as the bucket's versioning requires, publishes it, and returns its id. If it would be the `null` version, but
 * a newer write has replaced or removed that meanwhile, it counts as written and overwritten at once.
 */
export function addVersion(
  store: Store,
  bucket: Bucket,
  key: string,
  content: Content,
  attributes: Attributes,
  cause: { event: EventName; actor: Actor; rank?: Rank },
): { versionId: string; lastModified: number } {
  const rank: Rank = cause.rank ?? { sequence: store.nextSequence(), lastModified: store.now() }
  const versionId = bucket.versioning === 'Enabled' ? newVersionId(rank.sequence) : 'null'
  const replaced = versionId === 'null' ? findVersion(store, bucket.name, key, 'null') : undefined
  const newest = Math.max(rank.supersededAt ?? 0, replaced?.sequence ?? 0)
  if (versionId === 'null' && newest > rank.sequence) store.releaseBodies(content.segments.map(segment => segment.body))
  else {
    if (replaced) deleteRow(store, replaced)
    const id = insertRow(store, bucket.name, key, versionId, rank, content, attributes)
    for (const segment of content.segments) {
      store.sql.run`
        insert into segment (version, number, body, start, size, etag, checksum)
        values (${id}, ${segment.number}, ${segment.body}, ${segment.start}, ${segment.size}, ${segment.etag}, ${segment.checksum ?? null})`
    }
  }
  const { storageClass } = attributes
  const { event, actor } = cause
  publish(store, bucket, {
    event,
    key,
    versionId,
    size: content.size,
    etag: content.etag,
    sequence: rank.sequence,
    actor,
    storageClass,
  })
  return { versionId, lastModified: rank.lastModified }
}

/** Adds a delete marker as the latest version of a key. A `null` marker replaces the `null` version. */
export function addDeleteMarker(
  store: Store,
  bucket: Bucket,
  key: string,
  cause: { event: EventName; actor: Actor; eventSequence?: number },
): Version {
  const sequence = store.nextSequence()
  markConditionalWrites(store, bucket.name, key)
  const versionId = bucket.versioning === 'Enabled' ? newVersionId(sequence) : 'null'
  const replaced = versionId === 'null' ? findVersion(store, bucket.name, key, 'null') : undefined
  if (replaced) deleteRow(store, replaced)
  insertRow(store, bucket.name, key, versionId, { sequence, lastModified: store.now() }, undefined, noAttributes)
  const marker = findVersion(store, bucket.name, key, versionId)!
  publishRemoval(store, bucket, marker, { ...cause, sequence: cause.eventSequence ?? sequence })
  return marker
}

/** Deletes one version permanently. If it was the latest, the version before it becomes the latest. */
export function removeVersion(
  store: Store,
  bucket: Bucket,
  version: Version,
  cause: { event: EventName; actor: Actor; eventSequence?: number },
): void {
  const sequence = store.nextSequence()
  markConditionalWrites(store, bucket.name, version.key)
  deleteRow(store, version)
  if (version.versionId === 'null') {
    // S3 user guide, multipart: a delete after the upload's start takes precedence over what is completed later.
    store.sql.run`
      update upload set superseded_at = ${sequence} where bucket = ${bucket.name} and key = ${Buffer.from(version.key)}`
  }
  publishRemoval(store, bucket, version, { ...cause, sequence: cause.eventSequence ?? sequence })
}

/** Publishes a change of a version that continues to exist: tags, ACL, storage class, restore. */
export function publishChange(store: Store, bucket: Bucket, version: Version, event: EventName, actor: Actor): void {
  const { key, versionId, size, etag, storageClass, restore } = version
  const restoreExpiresAt = restore && !restore.ongoing ? restore.expiresAt : undefined
  publish(store, bucket, { event, key, versionId, size, etag, actor, storageClass, restoreExpiresAt })
}

const noAttributes: Attributes = { headers: {}, metadata: {}, tags: [], storageClass: 'STANDARD' }

function insertRow(
  store: Store,
  bucket: string,
  key: string,
  versionId: string,
  rank: Rank,
  content: Content | undefined,
  attributes: Attributes,
): number {
  const bytes = Buffer.from(key)
  const latest = store.sql.get`
    select id, sequence from version where bucket = ${bucket} and key = ${bytes} and is_latest = 1` as
    | { id: number; sequence: number }
    | undefined
  const isLatest = !latest || latest.sequence < rank.sequence
  if (latest && isLatest) store.sql.run`update version set is_latest = 0 where id = ${latest.id}`
  const inserted = store.sql.run`
    insert into version
      (bucket, key, version_id, sequence, is_latest, is_delete_marker, size, etag, last_modified,
       storage_class, headers, metadata, tags, checksum, part_count)
    values
      (${bucket}, ${bytes}, ${versionId}, ${rank.sequence}, ${Number(isLatest)}, ${Number(!content)}, ${content?.size ?? 0},
       ${content?.etag ?? ''}, ${rank.lastModified}, ${attributes.storageClass}, ${JSON.stringify(attributes.headers)},
       ${JSON.stringify(attributes.metadata)}, ${JSON.stringify(attributes.tags)},
       ${content?.checksum ? JSON.stringify(content.checksum) : null}, ${content?.partCount ?? null})`
  return Number(inserted.lastInsertRowid)
}

function deleteRow(store: Store, version: Version): void {
  store.releaseBodies(segmentsOf(store, version).map(segment => segment.body))
  store.sql.run`delete from version where id = ${version.id}`
  if (!version.isLatest) return
  store.sql.run`
    update version
    set is_latest = 1
    where id = (
      select id from version
      where bucket = ${version.bucket} and key = ${Buffer.from(version.key)}
      order by sequence desc
      limit 1
    )`
}

function publishRemoval(
  store: Store,
  bucket: Bucket,
  version: Version,
  cause: { event: EventName; actor: Actor; sequence: number },
): void {
  const { key, versionId, storageClass } = version
  publish(store, bucket, {
    event: cause.event,
    key,
    versionId,
    size: 0,
    etag: '',
    sequence: cause.sequence,
    actor: cause.actor,
    storageClass,
  })
}

function publish(store: Store, bucket: Bucket, change: Omit<Change, 'bucket' | 'at'>): void {
  store.publish({ ...change, bucket, at: store.now() })
}

// If the key is deleted while the body of a conditional write arrives, the condition can no longer be checked.
function markConditionalWrites(store: Store, bucket: string, key: string): void {
  for (const write of store.conditionalWrites) if (write.bucket === bucket && write.key === key) write.isDisturbed = true
}
