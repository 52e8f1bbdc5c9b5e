import { describe, expect } from 'vitest'
import { listCatalogVersions } from '../../../shared/catalog/list-all-versions.ts'
import type { Sql } from '../../../shared/database/connection.ts'
import { compareKeys } from '../../../shared/key-order.ts'
import { listBucketVersions } from '../../../shared/s3/list-versions.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'
import { watchedClient } from '../../support/postgres/watched-client.ts'
import { makeBucket, type TestS3, testS3, versionsInBucket } from '../../support/s3/bucket.ts'
import { deliver, drift, driftIn, expectEqual, put, remove, run } from '../reconcile/stage.ts'

/** In the order of their bytes; UTF-16 would sort U+FF5E after the emoji. */
const KEYS = [
  '\0',
  '\0\0',
  '\x01',
  '\x01\0',
  ' ',
  '%41',
  '+',
  '.',
  '..',
  '/',
  '//',
  'A',
  'a',
  'a\0',
  'a\x01',
  'a b',
  'a//b',
  'a/b',
  'ä',
  '\uff5e',
  '😀',
  '😀\0',
]

describe('both sides list the same keys in the order of their bytes', () => {
  test('for keys of any characters', async ({ sql }) => {
    await using bucket = await filled(sql, KEYS)
    expect(KEYS.toSorted(compareKeys)).toEqual(KEYS)
    const names = async (keys: AsyncIterable<{ key: string }>) => (await Array.fromAsync(keys)).map(({ key }) => key)
    for (const pageSize of [1, 2, 7, 1000]) {
      const range = { bucket: 'docs', prefix: '', pageSize }
      expect(await names(listBucketVersions(bucket.s3, { ...range, now }))).toEqual(KEYS)
      expect(await names(listCatalogVersions(sql, range))).toEqual(KEYS)
    }
    expect(driftIn(await run(sql, bucket))).toEqual(drift({}))
  })

  test('after a key, and below a prefix', async ({ sql }) => {
    await using bucket = await filled(sql, KEYS)
    const names = async (keys: AsyncIterable<{ key: string }>) => (await Array.fromAsync(keys)).map(({ key }) => key)
    for (const [place, after] of KEYS.entries()) {
      const behind = { bucket: 'docs', prefix: '', after, pageSize: 3 }
      expect(await names(listBucketVersions(bucket.s3, { ...behind, now }))).toEqual(KEYS.slice(place + 1))
      expect(await names(listCatalogVersions(sql, behind))).toEqual(KEYS.slice(place + 1))
      const below = { bucket: 'docs', prefix: after }
      expect(await names(listBucketVersions(bucket.s3, { ...below, now }))).toEqual(KEYS.filter(key => key.startsWith(after)))
      expect(await names(listCatalogVersions(sql, below))).toEqual(KEYS.filter(key => key.startsWith(after)))
    }
  })
})

test('keys of every kind are missing, repaired and orphaned like any other', async ({ sql }) => {
  await using bucket = await filled(undefined, KEYS)
  expect(driftIn(await run(sql, bucket))).toEqual(drift({ missing: KEYS.length, repaired: KEYS.length }))
  await expectEqual(sql, bucket)
  for (const { key, versionId } of await versionsInBucket(bucket.s3, 'docs')) await remove(bucket, String(key), String(versionId))
  expect(driftIn(await run(sql, bucket))).toEqual(drift({ orphaned: KEYS.length, repaired: KEYS.length }))
  await expectEqual(sql, bucket)
})

test('the versions of one key over several pages are one key', async ({ sql }) => {
  await using bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  for (let n = 0; n < 25; n++) await (n % 5 === 4 ? remove(bucket, 'many') : put(bucket, 'many', String(n)))
  await put(bucket, 'after')
  const keys = await Array.fromAsync(listBucketVersions(bucket.s3, { bucket: 'docs', prefix: '', pageSize: 4, now }))
  expect(keys.map(({ key, versions }) => [key, versions.length])).toEqual([
    ['after', 1],
    ['many', 25],
  ])
  expect(keys[1]?.versions.filter(({ isLatest }) => isLatest)).toHaveLength(1)
  await deliver(sql, bucket)
  const cataloged = await Array.fromAsync(listCatalogVersions(sql, { bucket: 'docs', prefix: '', pageSize: 4 }))
  expect(cataloged.map(({ key, versions }) => [key, versions.length])).toEqual([
    ['after', 1],
    ['many', 25],
  ])
})

test('one page is read ahead of a bucket and none of the catalog, however large they are', async ({ sql, database }) => {
  await using bucket = await filled(
    sql,
    Array.from({ length: 50 }, (_, n) => `key ${n}`),
  )
  let pages = 0
  const range = { bucket: 'docs', prefix: '', pageSize: 5 }
  const listing = listBucketVersions(bucket.s3, {
    ...range,
    now: async () => {
      pages++
      return ''
    },
  })
  await listing.next()
  expect(pages).toBe(2)
  await listing.return('')

  const watched = watchedClient(database.url)
  const catalog = listCatalogVersions(watched.sql, range)
  await catalog.next()
  expect(watched.statements.filter(text => text.includes('storage_versions'))).toHaveLength(1)
  await catalog.return('')
  await watched.sql.end()
})

test('a key with more versions than a page and a statement is repaired', { timeout: 60_000 }, async ({ sql }) => {
  await using bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  for (let n = 0; n < 11; n++) await Promise.all(Array.from({ length: 100 }, () => put(bucket, 'many')))
  await put(bucket, 'after')
  expect(driftIn(await run(sql, bucket, {}, { requestsPerSecond: 5000 }))).toEqual(drift({ missing: 1101, repaired: 1101 }))
  expect(driftIn(await run(sql, bucket, {}, { requestsPerSecond: 5000 }))).toEqual(drift({}))
})

const now = async () => ''

async function filled(sql: Sql | undefined, keys: string[]): Promise<TestS3> {
  const bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  for (const key of keys.toReversed()) await put(bucket, key)
  if (sql) await deliver(sql, bucket)
  return bucket
}
