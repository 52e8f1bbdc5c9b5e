import type { Sql } from '../database/connection.ts'
import { fromStoredKey, toStoredKey } from '../database/stored-text.ts'
import { databaseTime } from '../database/time.ts'
import { prefixEnd } from '../key-order.ts'
import type { KeyRange, ListedKey, ListedVersion } from '../listing.ts'

/** A version as the catalog has it. `observedAt`: when S3 was asked about it, in seconds since 1970; null if only an event was read. */
export type CatalogedVersion = ListedVersion & { observedAt: number | null }

/**
 * Whether a listing shows a version otherwise than the catalog has it, or the catalog has it from an event only. An entity tag that is not listed
 * says nothing: Ceph loses it from the listing when the tags of a version are deleted.
 */
export function differsFromListing(listed: ListedVersion, known: CatalogedVersion): boolean {
  return (
    known.observedAt === null ||
    listed.isDeleteMarker !== known.isDeleteMarker ||
    listed.size !== known.size ||
    (listed.etag !== known.etag && (listed.etag !== null || listed.isDeleteMarker)) ||
    listed.storageClass !== known.storageClass ||
    listed.lastModified !== known.lastModified
  )
}

/** All versions of one key in the catalog. */
export type CatalogedKey = ListedKey<CatalogedVersion>

/** Rows of one query. */
const PAGE_SIZE = 2000

/** Streams the keys that the catalog has from S3 with all their versions, in the order of their bytes. Returns when the last page was read. */
export async function* listCatalogVersions(sql: Sql, range: KeyRange): AsyncGenerator<CatalogedKey, string> {
  const { bucket, prefix, after, pageSize = PAGE_SIZE } = range
  const start = toStoredKey(prefix)
  const end = prefixEnd(start)
  let position: Position | null = after === undefined ? null : [toStoredKey(after), null]
  let open: (CatalogedKey & { stored: string }) | undefined
  for (;;) {
    const rows: (CatalogedVersion & { key: string })[] = await sql`
      select v.key, ${comparedColumns(sql)}
      from catalog.storage_versions v
      where v.bucket = ${bucket} and v.storage_backend = 's3'
        and v.key >= ${start} ${end === null ? sql`` : sql`and v.key < ${end}`} ${rowsAfter(sql, position)}
      order by v.bucket, v.key, v.version_id
      limit ${pageSize}
    `
    const asOf = await databaseTime(sql)
    for (const { key: stored, ...version } of rows) {
      if (open && open.stored !== stored) yield open
      if (open?.stored === stored) Object.assign(open, { asOf }).versions.push(version)
      else open = { key: fromStoredKey(stored), stored, asOf, versions: [version] }
    }
    const last = rows.at(-1)
    position = last ? [last.key, last.versionId] : position
    if (rows.length === pageSize) continue
    if (open) yield open
    return asOf
  }
}

/** The columns of a CatalogedVersion, of storage_versions as `v`. */
export function comparedColumns(sql: Sql) {
  return sql`
    v.version_id as "versionId", v.is_latest as "isLatest", v.is_delete_marker as "isDeleteMarker", v.size, v.etag,
    case when not v.is_delete_marker then v.storage_class end as "storageClass",
    floor(extract(epoch from v.last_modified))::float8 as "lastModified",
    case when v.observed_at > '-infinity' then extract(epoch from v.observed_at)::float8 end as "observedAt"
  `
}

/** A stored key, and the last version read of it; null means all of them. */
type Position = [key: string, versionId: string | null]

function rowsAfter(sql: Sql, position: Position | null) {
  if (position === null) return sql``
  const [key, versionId] = position
  return versionId === null ? sql`and v.key > ${key}` : sql`and (v.key, v.version_id) > (${key}, ${versionId})`
}
