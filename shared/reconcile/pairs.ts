import type { S3Client } from '@aws-sdk/client-s3'
import { type CatalogedKey, listCatalogVersions } from '../catalog/list-all-versions.ts'
import type { Sql } from '../database/connection.ts'
import { databaseTime } from '../database/time.ts'
import { compareKeys } from '../key-order.ts'
import type { KeyRange, ListedKey } from '../listing.ts'
import { listBucketVersions } from '../s3/list-versions.ts'

/**
 * A key in the bucket and in the catalog; undefined on a side that lacks it. `listedAt` is the database's time before the bucket was
 * listed at this position of the order, `catalogedAt` after the catalog was read there.
 */
export type KeyPair = { key: string; listed?: ListedKey; cataloged?: CatalogedKey; listedAt: string; catalogedAt: string }

/** Streams a bucket and the catalog side by side in the order of keys. */
export async function* walkPairs(sql: Sql, s3: S3Client, range: KeyRange): AsyncGenerator<KeyPair> {
  const catalog = listCatalogVersions(sql, range)
  const listing = listBucketVersions(s3, { ...range, now: () => databaseTime(sql) })
  let cataloged = await nextKey(catalog)
  let listed = await nextKey(listing)
  while (listed.item || cataloged.item) {
    const order = !listed.item ? 1 : !cataloged.item ? -1 : compareKeys(listed.item.key, cataloged.item.key)
    yield {
      key: (order <= 0 ? listed.item : cataloged.item)!.key,
      listed: order <= 0 ? listed.item : undefined,
      cataloged: order >= 0 ? cataloged.item : undefined,
      listedAt: listed.asOf,
      catalogedAt: cataloged.asOf,
    }
    if (order >= 0) cataloged = await nextKey(catalog)
    if (order <= 0) listed = await nextKey(listing)
  }
}

/** Reads both sides of one key now. */
export async function readPair(sql: Sql, s3: S3Client, { bucket, key }: { bucket: string; key: string }): Promise<KeyPair> {
  // Of all keys with this prefix the key itself comes first, so a small page is enough.
  const range = { bucket, prefix: key, pageSize: 100 }
  const cataloged = await nextKey(listCatalogVersions(sql, range))
  const listed = await nextKey(listBucketVersions(s3, { ...range, now: () => databaseTime(sql) }))
  return {
    key,
    listed: listed.item?.key === key ? listed.item : undefined,
    cataloged: cataloged.item?.key === key ? cataloged.item : undefined,
    listedAt: listed.asOf,
    catalogedAt: cataloged.asOf,
  }
}

/** The next key of a stream with the time of its page; after the last key, the time of the last page. */
async function nextKey<T extends { asOf: string }>(stream: AsyncGenerator<T, string>): Promise<{ item?: T; asOf: string }> {
  const { value, done } = await stream.next()
  return done ? { asOf: value } : { item: value, asOf: value.asOf }
}
