import type { S3Client } from '@aws-sdk/client-s3'
import { databaseTime } from '../catalog/observations.ts'
import type { Sql } from '../database/connection.ts'
import {
  type CatalogedKey,
  compareKeys,
  type KeyRange,
  type ListedKey,
  listBucketVersions,
  listCatalogVersions,
} from '../s3/list-versions.ts'

/**
 * A key as the bucket and the catalog have it; undefined on the side that hasn't. `listedAt` is the database's time from before the
 * bucket was asked about this place of the order, `catalogedAt` from after the catalog was read there.
 */
export type KeyPair = { key: string; listed?: ListedKey; cataloged?: CatalogedKey; listedAt: string; catalogedAt: string }

/** Walks a bucket and the catalog side by side in the order of keys. */
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

/** Both sides of one key, read now. */
export async function readPair(sql: Sql, s3: S3Client, { bucket, key }: { bucket: string; key: string }): Promise<KeyPair> {
  // Of all keys with this prefix the key itself comes first, so that few versions are enough.
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

/** The next key of a stream with the time of its page; behind the last key the time of the last page, which found nothing more. */
async function nextKey<T extends { asOf: string }>(stream: AsyncGenerator<T, string>): Promise<{ item?: T; asOf: string }> {
  const { value, done } = await stream.next()
  return done ? { asOf: value } : { item: value, asOf: value.asOf }
}
