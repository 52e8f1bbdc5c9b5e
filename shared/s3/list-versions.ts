import { ListObjectVersionsCommand, type ListObjectVersionsCommandOutput, type S3Client } from '@aws-sdk/client-s3'
import { databaseTime } from '../catalog/observations.ts'
import type { Sql } from '../database/connection.ts'
import { fromStoredKey, toStoredKey } from '../database/stored-text.ts'
import { prefixEnd } from '../key-order.ts'
import { decodeListedKey } from './head-version.ts'

/** A version as a listing tells it; markers have no size, etag and class. `lastModified` is seconds since 1970. */
export type ListedVersion = {
  versionId: string
  isLatest: boolean
  isDeleteMarker: boolean
  size: number | null
  etag: string | null
  storageClass: string | null
  lastModified: number
}

/** All versions of one key. `asOf` is the database's time from before the first of them was asked for. */
export type ListedKey = { key: string; asOf: string; versions: ListedVersion[] }

/** A version of the catalog, with what tells how far it can be trusted. */
export type CatalogedVersion = ListedVersion & { isVerified: boolean }

/** All versions of one key in the catalog. `asOf` is the database's time from after the last of them was read. */
export type CatalogedKey = { key: string; asOf: string; versions: CatalogedVersion[] }

/** Which keys to walk: those with the prefix and behind `after`. `pageSize` is the most that one request asks for. */
export type KeyRange = { bucket: string; prefix: string; after?: string; pageSize?: number }

/**
 * The keys of a bucket with all their versions, in the order of their bytes. One request for a thousand versions, the next under
 * way while a page is read; memory holds two pages and the versions of one key. Returns when its last page was asked for.
 */
export async function* listBucketVersions(
  s3: S3Client,
  { bucket, prefix, after, pageSize = 1000, now }: KeyRange & { now: () => Promise<string> },
): AsyncGenerator<ListedKey, string> {
  type Marker = { KeyMarker?: string; VersionIdMarker?: string }
  const ask = async (marker: Marker) => {
    const asOf = await now()
    const page: ListObjectVersionsCommandOutput = await s3.send(
      new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix, EncodingType: 'url', MaxKeys: pageSize, ...marker }),
    )
    const next: Marker | undefined = page.IsTruncated
      ? { KeyMarker: decodeListedKey(page.NextKeyMarker ?? ''), VersionIdMarker: page.NextVersionIdMarker }
      : undefined
    return { asOf, keys: byKey(page), next }
  }
  // A key marker without a version id marker means: behind all versions of that key. Settled, so that a failure waits to be read.
  let coming = Promise.allSettled([ask({ KeyMarker: after })])
  let open: ListedKey | undefined
  for (;;) {
    const [answer] = await coming
    if (answer.status === 'rejected') throw answer.reason
    const { asOf, keys, next } = answer.value
    if (next) coming = Promise.allSettled([ask(next)])
    for (const [key, versions] of keys) {
      if (open && open.key !== key) yield open
      if (open?.key === key) append(open.versions, versions)
      else open = { key, asOf, versions }
    }
    if (next) continue
    if (open) yield open
    return asOf
  }
}

/** A key over several pages; a page that S3 could not continue where it ended, because that version is gone, repeats some. */
function append(versions: ListedVersion[], more: ListedVersion[]): void {
  const known = new Set(versions.map(({ versionId }) => versionId))
  versions.push(...more.filter(({ versionId }) => !known.has(versionId)))
}

/** How many rows the catalog is asked for at once. */
const CATALOG_PAGE = 2000

/** The keys that the catalog has from S3 with all their versions, in the same order. Returns when its last page was read. */
export async function* listCatalogVersions(sql: Sql, range: KeyRange): AsyncGenerator<CatalogedKey, string> {
  const { bucket, prefix, after, pageSize = CATALOG_PAGE } = range
  const start = toStoredKey(prefix)
  const end = prefixEnd(start)
  let position: [string, string | null] | null = after === undefined ? null : [toStoredKey(after), null]
  let open: (CatalogedKey & { stored: string }) | undefined
  for (;;) {
    const rows: (CatalogedVersion & { key: string })[] = await sql`
      select key, version_id as "versionId", is_latest as "isLatest", is_delete_marker as "isDeleteMarker", size, etag,
        case when not is_delete_marker then storage_class end as "storageClass",
        floor(extract(epoch from last_modified))::float8 as "lastModified", observed_at > '-infinity' as "isVerified"
      from storage_versions
      where bucket = ${bucket} and storage_backend = 's3'
        and key >= ${start} ${end === null ? sql`` : sql`and key < ${end}`} ${rowsAfter(sql, position)}
      order by bucket, key, version_id
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

function rowsAfter(sql: Sql, position: [string, string | null] | null) {
  if (position === null) return sql``
  const [key, versionId] = position
  return versionId === null ? sql`and key > ${key}` : sql`and (key, version_id) > (${key}, ${versionId})`
}

/** Orders keys as S3 and the catalog do: by their UTF-8 bytes. UTF-16 agrees but where a surrogate meets U+E000 and above. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** Versions and markers come in two lists of their own, each in order. */
function byKey({ Versions = [], DeleteMarkers = [] }: ListObjectVersionsCommandOutput): [string, ListedVersion[]][] {
  const data = Versions.map(v => ({
    key: decodeListedKey(v.Key ?? ''),
    version: {
      versionId: v.VersionId ?? 'null',
      isLatest: v.IsLatest ?? false,
      isDeleteMarker: false,
      size: v.Size ?? 0,
      etag: v.ETag?.replaceAll('"', '') ?? null,
      storageClass: v.StorageClass ?? 'STANDARD',
      lastModified: seconds(v.LastModified),
    },
  }))
  const markers = DeleteMarkers.map(m => ({
    key: decodeListedKey(m.Key ?? ''),
    version: {
      versionId: m.VersionId ?? 'null',
      isLatest: m.IsLatest ?? false,
      isDeleteMarker: true,
      size: null,
      etag: null,
      storageClass: null,
      lastModified: seconds(m.LastModified),
    },
  }))
  const keys = Map.groupBy([...data, ...markers], ({ key }) => key)
  const named = [...keys].map(([key, items]): [string, ListedVersion[]] => [key, items.map(({ version }) => version)])
  return markers.length === 0 || data.length === 0 ? named : named.sort(([a], [b]) => compareKeys(a, b))
}

function seconds(date: Date | undefined): number {
  return Math.floor((date?.getTime() ?? Number.NaN) / 1000)
}
