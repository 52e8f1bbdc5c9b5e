import type { Sql } from '../database/connection.ts'
import { decodeCursor, encodeCursor, listName } from '../database/cursor.ts'
import { jsonParameter } from '../database/json-parameter.ts'
import { checkedLimit, type Page, toPage } from '../database/page.ts'
import { fromStoredKey, toStoredKey, toStoredRecord, toStoredTextOrNull } from '../database/stored-text.ts'
import { utcText } from '../database/time.ts'
import { NotFound } from '../errors.ts'
import type { KeyName, VersionName } from '../names.ts'
import { applyObservations, type StoredDetails, type VersionDetails, verified } from './observations.ts'

/**
 * A row of storage_versions: a version or a delete marker. `size` is bytes, null for a marker. `claimedBy` is the caller of the API who gave
 * or cleared `createdBy`; null where that is the principal of the event.
 */
export type StoredVersion = StoredDetails & {
  isLatest: boolean
  isDeleteMarker: boolean
  size: number | null
  createdBy: string | null
  claimedBy: string | null
  comment: string | null
}

/** A version to record. It becomes the latest of its key unless `isLatest` is false. `size` is bytes. */
export type NewVersion = VersionName & VersionDetails & { isLatest?: boolean; isDeleteMarker?: boolean; size?: number }

/** Inserts or replaces one version; updates the latest flag of the key's other versions and its current object. */
export async function recordVersion(sql: Sql, version: NewVersion): Promise<void> {
  const { bucket, key, versionId, isLatest = true, isDeleteMarker = false, size = 0, ...details } = version
  const name = { bucket, key, versionId }
  const state = isDeleteMarker ? 'marker' : 'present'
  await applyObservations(sql, null, {
    observed: [verified(name, { lastModified: new Date(), ...details, size, state })],
    confirmedLatest: isLatest ? [name] : [],
  })
}

/** Lists versions and delete markers of a key, newest first; an unknown key has none. Throws Invalid for a malformed cursor or limit. */
export async function listVersions(
  sql: Sql,
  { bucket, key, limit = 100, cursor }: KeyName & { limit?: number; cursor?: string },
): Promise<Page<StoredVersion>> {
  const list = listName('versions', { bucket, key })
  const after = cursor === undefined ? undefined : decodeCursor(list, cursor, ['boolean', 'time', 'text', 'text'])
  const rows = await sql<(StoredVersion & { position: string; sequencer: string })[]>`
    select ${versionColumns(sql)}, ${utcText(sql, sql`v.last_modified`)} as position, v.sequencer
    from catalog.storage_versions v
    where v.bucket = ${bucket} and v.key = ${toStoredKey(key)}
      ${
        after === undefined
          ? sql``
          : sql`and (v.is_latest, v.last_modified, v.sequencer, v.version_id)
              < (${after[0]}, ${after[1]}::text::timestamptz, ${after[2]}, ${after[3]})`
      }
    order by v.is_latest desc, v.last_modified desc, v.sequencer desc, v.version_id desc
    limit ${checkedLimit(limit) + 1}
  `
  return toPage(rows, limit, {
    toItem: ({ position: _, sequencer: __, ...row }) => toVersion(row),
    cursorAfter: last => encodeCursor(list, [last.isLatest, last.position, last.sequencer, last.versionId]),
  })
}

/** Returns a version or delete marker. Throws NotFound. */
export async function getVersion(sql: Sql, name: VersionName): Promise<StoredVersion> {
  const version = await findVersion(sql, name)
  if (!version) throw new NotFound(`No version ${name.versionId} of ${name.key} in bucket ${name.bucket}`)
  return version
}

/** The same, or undefined. */
export async function findVersion(sql: Sql, { bucket, key, versionId }: VersionName): Promise<StoredVersion | undefined> {
  const [row] = await sql<StoredVersion[]>`
    select ${versionColumns(sql)}
    from catalog.storage_versions v
    where v.bucket = ${bucket} and v.key = ${toStoredKey(key)} and v.version_id = ${versionId}
  `
  return row && toVersion(row)
}

/** Whether the catalog has a version of a key from S3. */
export async function hasVersionInS3(sql: Sql, { bucket, key }: KeyName): Promise<boolean> {
  const rows = await sql`
    select
    from catalog.storage_versions v
    where v.bucket = ${bucket} and v.key = ${toStoredKey(key)} and v.storage_backend = 's3'
    limit 1
  `
  return rows.length > 0
}

/** Returns the buckets of which the catalog has versions from S3, by name. Reads one index entry for each bucket, however many versions it has. */
export async function bucketsWithVersions(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    with recursive b (name) as (
      select min(bucket) from catalog.storage_versions
      union all
      select (select min(v.bucket) from catalog.storage_versions v where v.bucket > b.name)
      from b
      where b.name is not null
    )
    select b.name
    from b
    where exists (select from catalog.storage_versions v where v.bucket = b.name and v.storage_backend = 's3')
  `
  return rows.map(({ name }) => name)
}

/** What `annotateVersion` changes: what is not given stays, null clears. `claimedBy` is who gives or clears `createdBy`. */
export type VersionChanges = {
  comment?: string | null
  createdBy?: string | null
  claimedBy?: string
  tags?: Record<string, string>
}

/** Changes the annotations of a version: comment, author, and tags as the catalog has them. Throws NotFound. */
export async function annotateVersion(
  sql: Sql,
  { bucket, key, versionId, comment, tags, createdBy, claimedBy }: VersionName & VersionChanges,
): Promise<StoredVersion> {
  const changes = {
    comment: toStoredTextOrNull(comment),
    created_by: toStoredTextOrNull(createdBy),
    claimed_by: toStoredTextOrNull(claimedBy),
    tags: tags && toStoredRecord(tags),
  }
  const [row] = await sql<StoredVersion[]>`
    select ${versionColumns(sql)}
    from catalog.annotate_version(${bucket}, ${toStoredKey(key)}, ${versionId}, ${jsonParameter(sql, changes)}) as v
  `
  if (!row) throw new NotFound(`No version ${versionId} of ${key} in bucket ${bucket}`)
  return toVersion(row)
}

function versionColumns(sql: Sql) {
  return sql`
    v.bucket, v.key, v.version_id as "versionId", v.is_latest as "isLatest", v.is_delete_marker as "isDeleteMarker", v.size, v.etag,
    v.content_type as "contentType", v.last_modified as "lastModified", v.storage_backend as "storageBackend",
    v.storage_class as "storageClass", v.metadata, v.tags, v.created_by as "createdBy",
    v.claimed_by as "claimedBy", v.comment, v.created_at as "createdAt"
  `
}

function toVersion<T extends { key: string }>(row: T): T {
  return { ...row, key: fromStoredKey(row.key) }
}
