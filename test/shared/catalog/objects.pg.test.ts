import { describe, expect } from 'vitest'
import { deleteObject, getObjectMetadata, type NewObject, recordObject, recordObjects } from '../../../shared/catalog/objects.ts'
import { listVersions, recordVersion } from '../../../shared/catalog/versions.ts'
import { connect } from '../../../shared/database/connection.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'
import { watchedClient } from '../../support/postgres/watched-client.ts'

const REPORT = {
  bucket: 'docs',
  key: 'reports/2024.pdf',
  versionId: 'v1',
  size: 5_000_000_000,
  contentType: 'application/pdf',
  etag: 'd41d8cd9',
  lastModified: new Date('2024-03-01T10:00:00.123Z'),
  storageBackend: 'local',
  storageClass: 'STANDARD_IA',
  metadata: { author: 'Ada', pages: 3, review: { by: ['Bob'] } },
  tags: { team: 'finance' },
}

describe('recordObject', () => {
  test('an object is returned as it was recorded', async ({ sql }) => {
    await recordObject(sql, { ...REPORT, createdBy: 'ada', comment: 'first' })
    expect(await getObjectMetadata(sql, REPORT)).toEqual({ ...REPORT, createdAt: expect.any(Date) })
    expect((await listVersions(sql, REPORT)).items).toEqual([
      {
        ...REPORT,
        isLatest: true,
        isDeleteMarker: false,
        createdBy: 'ada',
        claimedBy: null,
        comment: 'first',
        createdAt: expect.any(Date),
      },
    ])
  })

  test('an object recorded with name and size only has backend s3, class STANDARD and the current time', async ({ sql }) => {
    const before = Date.now()
    await recordObject(sql, { bucket: 'docs', key: 'k', size: 0 })
    const object = await getObjectMetadata(sql, { bucket: 'docs', key: 'k' })
    expect(object).toEqual({
      bucket: 'docs',
      key: 'k',
      versionId: 'null',
      size: 0,
      contentType: null,
      etag: null,
      lastModified: expect.any(Date),
      storageBackend: 's3',
      storageClass: 'STANDARD',
      metadata: {},
      tags: {},
      createdAt: expect.any(Date),
    })
    expect(object.lastModified.getTime()).toBeGreaterThanOrEqual(before)
  })

  test('an object recorded again is replaced, but keeps its creation time', async ({ sql }) => {
    await recordObject(sql, REPORT)
    const first = await getObjectMetadata(sql, REPORT)
    const again = { bucket: REPORT.bucket, key: REPORT.key, versionId: 'v2', size: 1, lastModified: new Date('2024-04-01') }
    await recordObject(sql, again)
    expect(await getObjectMetadata(sql, REPORT)).toEqual({
      ...again,
      contentType: null,
      etag: null,
      storageBackend: 's3',
      storageClass: 'STANDARD',
      metadata: {},
      tags: {},
      createdAt: first.createdAt,
    })
    expect((await listVersions(sql, REPORT)).items.map(v => [v.versionId, v.isLatest])).toEqual([
      ['v2', true],
      ['v1', false],
    ])
  })

  test('without a version id an object is replaced in place', async ({ sql }) => {
    for (const size of [1, 2]) await recordObject(sql, { bucket: 'docs', key: 'k', size })
    expect((await listVersions(sql, { bucket: 'docs', key: 'k' })).items.map(v => [v.versionId, v.size])).toEqual([['null', 2]])
  })

  test('an object hidden by a delete marker comes back when it is recorded again', async ({ sql }) => {
    await recordObject(sql, REPORT)
    await recordVersion(sql, { ...REPORT, versionId: 'm1', isDeleteMarker: true })
    await recordObject(sql, REPORT)
    expect(await getObjectMetadata(sql, REPORT)).toMatchObject({ versionId: 'v1' })
  })

  test('text that Postgres cannot store is replaced visibly in metadata, and escaped in keys', async ({ sql }) => {
    const key = 'a\0b\x01c\x02/\u{1F600} +%41'
    await recordObject(sql, {
      bucket: 'docs',
      key,
      size: 1,
      metadata: { 'na\0me': 'va\0lue', deep: { list: ['\0', 7, true, null], day: new Date('2024-01-01') } },
      tags: { '\ud800': 'x\udc00' },
    })
    expect(await getObjectMetadata(sql, { bucket: 'docs', key })).toMatchObject({
      key,
      metadata: { 'na␀me': 'va␀lue', deep: { list: ['␀', 7, true, null], day: '2024-01-01T00:00:00.000Z' } },
      tags: { '\ufffd': 'x\ufffd' },
    })
  })

  test('an invalid object is refused with its whole batch', async ({ sql }) => {
    const good = { bucket: 'docs', key: 'good', size: 1 }
    const refused: [Partial<NewObject>, string][] = [
      [{ size: -1 }, 'storage_versions_size_check'],
      [{ bucket: '' }, 'storage_versions_bucket_check'],
      [{ storageBackend: 'No Such' }, 'storage_versions_storage_backend_check'],
      [{ key: 'x'.repeat(2049) }, 'storage_versions_key_check'],
    ]
    for (const [flaw, constraint] of refused) {
      const error = recordObjects(sql, [good, { bucket: 'docs', key: 'bad', size: 1, ...flaw }])
      await expect(error).rejects.toMatchObject({ code: '23514', constraint_name: constraint })
    }
    await expect(getObjectMetadata(sql, good)).rejects.toThrow('No object good in bucket docs')
  })
})

describe('recordObjects', () => {
  test('a thousand objects of several buckets are one statement and one transaction', async ({ sql, database }) => {
    const objects = Array.from({ length: 1000 }, (_, n) => ({ bucket: `bucket-${n % 3}`, key: `k${n}`, size: n }))
    const watched = watchedClient(database.url)
    await recordObjects(watched.sql, objects)
    await watched.sql.end()
    expect(watched.statements).toHaveLength(1)
    expect(watched.statements[0]!.length).toBeLessThan(16 * 1024)
    const [row] = await sql`
      select count(*), sum(size)::int as bytes, count(distinct bucket) as buckets, count(distinct xmin::text) as transactions
      from catalog.storage_objects
    `
    expect(row).toEqual({ count: 1000, bytes: 499_500, buckets: 3, transactions: 1 })
  })

  test('the last of two objects with one key in a batch is kept', async ({ sql }) => {
    const k = { bucket: 'docs', key: 'k' }
    await recordObjects(sql, [
      { ...k, size: 1, versionId: 'v1' },
      { ...k, bucket: 'other', size: 9 },
      { ...k, size: 2, versionId: 'v2' },
    ])
    expect(await getObjectMetadata(sql, k)).toMatchObject({ size: 2, versionId: 'v2' })
    expect(await getObjectMetadata(sql, { ...k, bucket: 'other' })).toMatchObject({ size: 9 })
  })

  test('a bucket a with a key b/c is not a bucket a/b with a key c', async ({ sql }) => {
    await recordObjects(sql, [
      { bucket: 'a', key: 'b/c', size: 1, storageBackend: 'local' },
      { bucket: 'a/b', key: 'c', size: 2, storageBackend: 'local' },
    ])
    expect(await getObjectMetadata(sql, { bucket: 'a', key: 'b/c' })).toMatchObject({ size: 1 })
    expect(await getObjectMetadata(sql, { bucket: 'a/b', key: 'c' })).toMatchObject({ size: 2 })
  })

  test('an empty batch is accepted', async ({ sql }) => {
    await recordObjects(sql, [])
    expect(await sql`select from catalog.storage_objects`).toHaveLength(0)
  })

  test('nothing is kept of a transaction that fails', async ({ sql }) => {
    const failing = sql.begin(async transaction => {
      await recordObject(transaction, REPORT)
      throw new Error('changed my mind')
    })
    await expect(failing).rejects.toThrow('changed my mind')
    await expect(getObjectMetadata(sql, REPORT)).rejects.toThrow('No object')
  })
})

describe('deleteObject', () => {
  test('a deleted object keeps its history, without a latest version, and its audit trail', async ({ sql }) => {
    await recordObject(sql, REPORT)
    await recordObject(sql, { ...REPORT, versionId: 'v2' })
    await sql`insert into catalog.storage_audit (action, bucket, key) values ('UPLOAD', ${REPORT.bucket}, ${REPORT.key})`
    await deleteObject(sql, REPORT)
    await expect(getObjectMetadata(sql, REPORT)).rejects.toMatchObject({ name: 'NotFound' })
    const versions = (await listVersions(sql, REPORT)).items
    expect(versions.map(v => [v.versionId, v.isLatest])).toEqual([
      ['v2', false],
      ['v1', false],
    ])
    expect([...(await sql`select action, key from catalog.storage_audit`)]).toEqual([{ action: 'UPLOAD', key: REPORT.key }])
  })

  test('deleting an unknown object throws NotFound each time', async ({ sql }) => {
    await recordObject(sql, REPORT)
    await deleteObject(sql, REPORT)
    await expect(deleteObject(sql, REPORT)).rejects.toMatchObject({ name: 'NotFound' })
    await expect(deleteObject(sql, { bucket: 'docs', key: 'never' })).rejects.toMatchObject({ name: 'NotFound' })
  })

  test('only the object of that bucket is deleted', async ({ sql }) => {
    await recordObjects(sql, [REPORT, { ...REPORT, bucket: 'other' }])
    await deleteObject(sql, REPORT)
    expect(await getObjectMetadata(sql, { ...REPORT, bucket: 'other' })).toMatchObject({ bucket: 'other' })
  })

  test('a deleted object can be recorded again', async ({ sql }) => {
    await recordObject(sql, REPORT)
    await deleteObject(sql, REPORT)
    await recordObject(sql, REPORT)
    expect(await getObjectMetadata(sql, REPORT)).toMatchObject({ versionId: 'v1' })
  })
})

test('a connection that began with an empty catalog compared each key with all others', async ({ database }) => {
  const sql = connect({ url: database.url, max: 1 })
  const keys = (batch: number) => Array.from({ length: 200 }, (_, n) => ({ bucket: 'b', key: `${batch}/${n}`, size: 1 }))
  for (let batch = 0; batch < 10; batch++) await recordObjects(sql, keys(batch))
  await sql`select pg_stat_force_next_flush()`
  const [row] = await sql<[{ read: number }]>`
    select sum(idx_tup_read)::int as read
    from pg_stat_user_indexes
    where schemaname = 'catalog' and relname = 'storage_versions'
  `
  expect(row.read).toBeLessThan(10 * 2000)
  await sql.end()
})
