import type { Sql } from '../database/connection.ts'
import { decodeCursor, encodeCursor } from '../database/cursor.ts'
import { checkedLimit, type Page, toPage } from '../database/page.ts'
import { MAX_PAGE_SIZE } from '../limits.ts'

/** The objects with one value of a dimension, and their bytes. */
export type Share = { value: string | null; objects: number; bytes: number }

/** Objects first indexed on a day (YYYY-MM-DD, UTC) that still exist, and their bytes now. */
export type DayOfGrowth = { day: string; objects: number; bytes: number }

/**
 * What the catalog holds. Shares are sorted by bytes, the largest first, at most 50 of each kind. A content type is counted without its parameters;
 * of backends, classes and types the first 1,000 values of a bucket have a share of their own, the others are in `other`. Bytes are exact up to 2^53. `oldVersions` are versions with
 * data that are not the latest. `auditsLast24h` counts whole hours, so it includes up to one hour more. `growth` has one row per day, today last.
 */
export type Statistics = {
  objects: number
  bytes: number
  versions: number
  deleteMarkers: number
  oldVersions: number
  oldVersionBytes: number
  byBackend: Share[]
  byStorageClass: Share[]
  byContentType: Share[]
  byBucket: Share[]
  auditsLast24h: number
  growth: DayOfGrowth[]
}

/** What the catalog holds of one bucket. */
export type BucketStatistics = Omit<
  Statistics,
  'byBackend' | 'byStorageClass' | 'byContentType' | 'byBucket' | 'auditsLast24h' | 'growth'
> & {
  bucket: string
}

/** Returns statistics of one bucket or of all, from counters in one round trip whatever the number of objects. `days` is 1 to 3660. */
export async function getStatistics(
  sql: Sql,
  { bucket, days = 30 }: { bucket?: string; days?: number } = {},
): Promise<Statistics> {
  const ofBucket = bucket === undefined ? sql`true` : sql`bucket = ${bucket}`
  const [row] = await sql<[Statistics]>`
    with today as (
      select (now() at time zone 'utc')::date as day
    ),
    counter as (
      select bucket, dimension, value, sum(objects)::bigint as objects, sum(bytes) as bytes
      from catalog.storage_counters, today
      where ${ofBucket} and (dimension <> 'day' or value > to_char(today.day - ${days}::int, 'YYYY-MM-DD'))
      group by bucket, dimension, value
    ),
    share as (
      select dimension, value, objects, bytes,
        row_number() over (partition by dimension order by bytes desc, objects desc, value collate "C") as place
      from (
        select dimension, nullif(value, '') as value, sum(objects)::bigint as objects, sum(bytes) as bytes
        from counter
        where dimension in ('backend', 'class', 'type')
        group by 1, 2
        union all
        select 'bucket', bucket, objects, bytes
        from counter
        where dimension = 'total'
      ) as s
      where objects <> 0
    ),
    listed as (
      select dimension, json_agg(json_build_object('value', value, 'objects', objects, 'bytes', bytes) order by place) as shares
      from share
      where place <= 50
      group by dimension
    ),
    growth as (
      select to_char(d, 'YYYY-MM-DD') as day, coalesce(sum(c.objects), 0) as objects, coalesce(sum(c.bytes), 0) as bytes
      from today, generate_series(today.day - ${days}::int + 1, today.day, interval '1 day') as d
      left join counter c on c.dimension = 'day' and c.value = to_char(d, 'YYYY-MM-DD')
      group by 1
    )
    select ${sums(sql)},
      coalesce((select shares from listed where dimension = 'backend'), '[]'::json) as "byBackend",
      coalesce((select shares from listed where dimension = 'class'), '[]'::json) as "byStorageClass",
      coalesce((select shares from listed where dimension = 'type'), '[]'::json) as "byContentType",
      coalesce((select shares from listed where dimension = 'bucket'), '[]'::json) as "byBucket",
      (
        select coalesce(sum(entries), 0)::bigint
        from catalog.storage_audit_hours
        where ${ofBucket} and hour between date_trunc('hour', now() - interval '24 hours', 'UTC') and now()
      ) as "auditsLast24h",
      (select json_agg(json_build_object('day', day, 'objects', objects, 'bytes', bytes) order by day) from growth) as growth
    from counter
  `
  return row
}

/** Returns a page of the buckets that have an object, version or delete marker, by name. Throws Invalid for a malformed limit or a cursor of another list. */
export async function getBuckets(
  sql: Sql,
  { limit = MAX_PAGE_SIZE, cursor }: { limit?: number; cursor?: string } = {},
): Promise<Page<BucketStatistics>> {
  const [after = ''] = cursor === undefined ? [] : decodeCursor('buckets', cursor, ['text'])
  const rows = await sql<BucketStatistics[]>`
    select bucket, ${sums(sql)}
    from catalog.storage_counters
    where bucket > ${after}
    group by bucket
    having sum(objects) filter (where dimension in ('total', 'versions', 'markers')) > 0
    order by bucket
    limit ${checkedLimit(limit) + 1}
  `
  return toPage(rows, limit, { toItem: row => row, cursorAfter: ({ bucket }) => encodeCursor('buckets', [bucket]) })
}

function sums(sql: Sql) {
  return sql`
    coalesce(sum(objects) filter (where dimension = 'total'), 0)::bigint as objects,
    coalesce(sum(bytes) filter (where dimension = 'total'), 0)::float8 as bytes,
    coalesce(sum(objects) filter (where dimension = 'versions'), 0)::bigint as versions,
    coalesce(sum(objects) filter (where dimension = 'markers'), 0)::bigint as "deleteMarkers",
    coalesce(sum(objects) filter (where dimension = 'old_versions'), 0)::bigint as "oldVersions",
    coalesce(sum(bytes) filter (where dimension = 'old_versions'), 0)::float8 as "oldVersionBytes"
  `
}
