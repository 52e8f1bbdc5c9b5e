import type { S3Client } from '@aws-sdk/client-s3'
import { databaseTime } from '../catalog/observations.ts'
import type { Sql } from '../database/connection.ts'
import { type CatalogedKey, compareKeys, type ListedKey, listBucket, listCatalog, type Range } from '../s3/list-versions.ts'

/**
 * A key as the bucket and the catalog have it; undefined on the side that hasn't. `listedAt` is the database's time from before the
 * bucket was asked about this place of the order, `catalogedAt` from after the catalog was read there.
 */
export type Pair = { key: string; listed?: ListedKey; cataloged?: CatalogedKey; listedAt: string; catalogedAt: string }

/** Walks a bucket and the catalog side by side in the order of keys. */
export async function* pairs(sql: Sql, s3: S3Client, range: Range): AsyncGenerator<Pair> {
  const catalog = listCatalog(sql, range)
  const listing = listBucket(s3, { ...range, now: () => databaseTime(sql) })
  let cataloged = await take(catalog)
  let listed = await take(listing)
  while (listed.item || cataloged.item) {
    const order = !listed.item ? 1 : !cataloged.item ? -1 : compareKeys(listed.item.key, cataloged.item.key)
    yield {
      key: (order <= 0 ? listed.item : cataloged.item)!.key,
      listed: order <= 0 ? listed.item : undefined,
      cataloged: order >= 0 ? cataloged.item : undefined,
      listedAt: listed.asOf,
      catalogedAt: cataloged.asOf,
    }
    if (order >= 0) cataloged = await take(catalog)
    if (order <= 0) listed = await take(listing)
  }
}

/** Both sides of one key, read now. */
export async function pairOf(sql: Sql, s3: S3Client, { bucket, key }: { bucket: string; key: string }): Promise<Pair> {
  // Of all keys with this prefix the key itself comes first, so that few versions are enough.
  const range = { bucket, prefix: key, pageSize: 100 }
  const cataloged = await take(listCatalog(sql, range))
  const listed = await take(listBucket(s3, { ...range, now: () => databaseTime(sql) }))
  return {
    key,
    listed: listed.item?.key === key ? listed.item : undefined,
    cataloged: cataloged.item?.key === key ? cataloged.item : undefined,
    listedAt: listed.asOf,
    catalogedAt: cataloged.asOf,
  }
}

/** The next key of a stream with the time of its page; behind the last key the time of the last page, which found nothing more. */
async function take<T extends { asOf: string }>(stream: AsyncGenerator<T, string>): Promise<{ item?: T; asOf: string }> {
  const { value, done } = await stream.next()
  return done ? { asOf: value } : { item: value, asOf: value.asOf }
}
