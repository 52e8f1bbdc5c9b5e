import { ListObjectVersionsCommand, type ListObjectVersionsCommandOutput, type S3Client } from '@aws-sdk/client-s3'
import type { Sql } from './connection.ts'
import { decodeListed } from './look.ts'
import { prefixEnd } from './prefix.ts'
import { fromStoredKey, toStoredKey } from './stored-text.ts'

/** A version as a listing tells it; markers have no size, etag and class. */
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
export type CatalogedVersion = ListedVersion & { isSeen: boolean }

/** All versions of one key in the catalog. */
export type CatalogedKey = { key: string; versions: CatalogedVersion[] }

/**
 * The keys of a bucket with all their versions, in the order of their bytes, behind `after`. One request for a thousand
 * versions; memory holds a page and the versions of one key. `turn` is awaited before each request.
 */
export async function* listBucket(
  s3: S3Client,
  {
    bucket,
    prefix,
    after,
    turn,
    now,
  }: { bucket: string; prefix: string; after?: string; turn: () => Promise<void>; now: () => Promise<string> },
): AsyncGenerator<ListedKey> {
  // A key marker without a version id marker means: behind all versions of that key.
  let next: { KeyMarker?: string; VersionIdMarker?: string } | undefined = { KeyMarker: after }
  let open: ListedKey | undefined
  while (next) {
    await turn()
    const asOf = await now()
    const page: ListObjectVersionsCommandOutput = await s3.send(
      new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix, EncodingType: 'url', ...next }),
    )
    for (const [key, versions] of byKey(page)) {
      if (open && open.key !== key) yield open
      if (open?.key === key) open.versions.push(...versions)
      else open = { key, asOf, versions }
    }
    next = page.IsTruncated
      ? { KeyMarker: decodeListed(page.NextKeyMarker ?? ''), VersionIdMarker: page.NextVersionIdMarker }
      : undefined
  }
  if (open) yield open
}

/** Versions and markers come in two lists of their own, each in order. */
function byKey({ Versions = [], DeleteMarkers = [] }: ListObjectVersionsCommandOutput): [string, ListedVersion[]][] {
  const data = Versions.map(v => ({
    key: decodeListed(v.Key ?? ''),
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
    key: decodeListed(m.Key ?? ''),
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
  return [...keys]
    .map(([key, items]): [string, ListedVersion[]] => [key, items.map(({ version }) => version)])
    .sort(([a], [b]) => compareKeys(a, b))
}

/** How many rows the catalog is asked for at once. */
const CATALOG_PAGE = 2000

/** The keys of the catalog with all their versions, in the same order, behind `after`. */
export async function* listCatalog(
  sql: Sql,
  { bucket, prefix, after }: { bucket: string; prefix: string; after?: string },
): AsyncGenerator<CatalogedKey> {
  const start = toStoredKey(prefix)
  const end = prefixEnd(start)
  let position: [string, string | null] | null = after === undefined ? null : [toStoredKey(after), null]
  let open: CatalogedKey | undefined
  for (;;) {
    const rows: (CatalogedVersion & { key: string })[] = await sql`
      select key, version_id as "versionId", is_latest as "isLatest", is_delete_marker as "isDeleteMarker", size, etag,
        case when not is_delete_marker then storage_class end as "storageClass",
        floor(extract(epoch from last_modified))::float8 as "lastModified", observed_at > '-infinity' as "isSeen"
      from storage_versions
      where bucket = ${bucket} and key >= ${start} ${end === null ? sql`` : sql`and key < ${end}`} ${behind(sql, position)}
      order by bucket, key, version_id
      limit ${CATALOG_PAGE}
    `
    for (const { key, ...version } of rows) {
      if (open && toStoredKey(open.key) !== key) yield open
      if (open && toStoredKey(open.key) === key) open.versions.push(version)
      else open = { key: fromStoredKey(key), versions: [version] }
    }
    const last = rows.at(-1)
    if (rows.length < CATALOG_PAGE || !last) break
    position = [last.key, last.versionId]
  }
  if (open) yield open
}

function behind(sql: Sql, position: [string, string | null] | null) {
  if (position === null) return sql``
  const [key, versionId] = position
  return versionId === null ? sql`and key > ${key}` : sql`and (key, version_id) > (${key}, ${versionId})`
}

/** Orders keys as S3 and the catalog do: by their UTF-8 bytes. UTF-16 agrees but where a surrogate meets U+E000 and above. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function seconds(date: Date | undefined): number {
  return Math.floor((date?.getTime() ?? Number.NaN) / 1000)
}
