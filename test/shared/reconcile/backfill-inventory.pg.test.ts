import { PutObjectCommand } from '@aws-sdk/client-s3'
import { describe, expect } from 'vitest'
import type { Sql } from '../../../shared/database/connection.ts'
import { Invalid } from '../../../shared/errors.ts'
import { backfillFromInventory } from '../../../shared/reconcile/backfill/backfill-inventory.ts'
import { readInventory, readManifest } from '../../../shared/s3/inventory.ts'
import type { InventoryRow } from '../../../shared/s3/inventory-files.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'
import { makeBucket, setVersioning, type TestS3, testS3, versionsInCatalog } from '../../support/s3/bucket.ts'
import { writeInventory } from '../../support/s3/inventory-report.ts'
import { deliver, drift, driftIn, expectEqual, lose, put, remove, run } from './stage.ts'

const KEYS = ['a', 'a', 'b', 'c', 'with space+plus', 'ünï/😀', '100%', '"quoted", \\', 'line\nbreak', '\0']

describe.for(['CSV', 'Parquet'] as const)('from a report as %s', format => {
  test('the catalog is filled with every version and marker, as a listing would', async ({ sql }) => {
    await using bucket = await stage()
    // HEAD and tags, one listing for the marker and, once a key, a HEAD without a version id.
    const requests = 11 * 2 + 1 + 10
    expect(await backfill(sql, bucket, format)).toMatchObject({ ...drift({ missing: 12, repaired: 12 }), versions: 12, requests })
    await expectEqual(sql, bucket)
    expect(driftIn(await run(sql, bucket, {}, { sampleRate: 1 }))).toEqual(drift({}))
  })

  test('rows equal those of a listing', async () => {
    await using bucket = await stage()
    const rows = await rowsOf(bucket, format)
    expect(rows).toHaveLength(12)
    expect(rows.find(({ key }) => key === '100%')).toEqual({
      bucket: 'docs',
      key: '100%',
      versionId: expect.stringMatching(/^\S{32}$/),
      isLatest: true,
      isDeleteMarker: false,
      size: 1,
      etag: '9dd4e461268c8034f5c8564e155c67a6',
      storageClass: 'STANDARD',
      lastModified: expect.closeTo(Date.now() / 1000, -2),
      position: { file: expect.any(Number), rows: expect.any(Number) },
    })
    expect(rows.find(({ isDeleteMarker }) => isDeleteMarker)).toMatchObject({
      key: 'c',
      size: null,
      etag: null,
      storageClass: null,
    })
    expect(rows.find(({ key }) => key === 'unversioned')).toMatchObject({ versionId: 'null' })
  })

  test('rows after a position are read, and none before', async () => {
    await using bucket = await stage()
    const all = await rowsOf(bucket, format)
    const after = { file: 1, rows: 2 }
    const key = await writeInventory(bucket.s3, { bucket: 'docs', to: 'reports', format })
    const manifest = await readManifest(bucket.s3, { bucket: 'reports', key })
    expect(await Array.fromAsync(readInventory(bucket.s3, manifest, after))).toEqual(all.slice(8))
  })

  test('what has changed since is not taken from it', async ({ sql }) => {
    await using bucket = await stage()
    await deliver(sql, bucket)
    const rows = await rowsOf(bucket, format)
    const [old] = (await versionsInCatalog(sql, 'docs')).filter(({ key, isLatest }) => key === 'a' && !isLatest)
    await remove(bucket, 'a', String(old?.versionId))
    await put(bucket, 'b', 'newer')
    await remove(bucket, '100%')
    await put(bucket, 'unversioned', 'overwritten')
    await deliver(sql, bucket)
    await backfillFromInventory(sql, bucket.s3, iterate(rows), { bucket: 'docs' })
    await expectEqual(sql, bucket)
  })

  test('a version deleted since is not added to a catalog that never had it', async ({ sql }) => {
    await using bucket = await stage()
    const rows = await rowsOf(bucket, format)
    for (const { key, versionId } of rows.slice(0, 5)) await remove(bucket, key, versionId)
    lose(bucket)
    const findings = await backfillFromInventory(sql, bucket.s3, iterate(rows), { bucket: 'docs' })
    expect(findings).toMatchObject({ versions: 12, missing: 7, repaired: 7 })
    await expectEqual(sql, bucket)
  })
})

test('a second backfill from the same report sends no request to S3', async ({ sql }) => {
  await using bucket = await stage()
  const rows = await rowsOf(bucket, 'CSV')
  await backfillFromInventory(sql, bucket.s3, iterate(rows), { bucket: 'docs' })
  expect(await backfillFromInventory(sql, bucket.s3, iterate(rows), { bucket: 'docs' })).toMatchObject({
    requests: 0,
    missing: 0,
    versions: 12,
  })
})

test('only rows with the prefix are indexed', async ({ sql }) => {
  await using bucket = await stage()
  await backfillFromInventory(sql, bucket.s3, iterate(await rowsOf(bucket, 'CSV')), { bucket: 'docs', prefix: 'a' })
  expect((await versionsInCatalog(sql, 'docs')).map(({ key }) => key)).toEqual(['a', 'a'])
})

test('a prefix that few rows of a long report have let a run neither save a checkpoint nor stop', async ({ sql }) => {
  await using bucket = await stage()
  const [row] = await rowsOf(bucket, 'CSV')
  const rows = Array.from({ length: 30_000 }, (_, n) => ({ ...row!, key: `other/${n}`, n }))
  const read: number[] = []
  await backfillFromInventory(sql, bucket.s3, iterate(rows), {
    bucket: 'docs',
    prefix: 'a',
    onProgress: (_, { n }) => read.push(n),
    shouldStop: () => read.length === 2,
  })
  expect(read).toEqual([9_999, 19_999])
})

test('a report that lacks fields is refused, and they are named', async () => {
  await using bucket = await stage()
  const without = ['VersionId', 'IsLatest', 'ETag']
  for (const format of ['CSV', 'Parquet'] as const) {
    const key = await writeInventory(bucket.s3, { bucket: 'docs', to: 'reports', format, without })
    await expect(readManifest(bucket.s3, { bucket: 'reports', key })).rejects.toThrow(
      new Invalid('The inventory must include all versions and the fields VersionId, IsLatest, ETag'),
    )
  }
})

test.for([
  '',
  '{',
  '[]',
  'null',
  '{"sourceBucket":"a"}',
  '{"sourceBucket":"a","destinationBucket":"b","fileSchema":"c","files":[],"fileFormat":"ORC"}',
])('an unreadable manifest is refused: %s', async Body => {
  await using bucket = await stage()
  await bucket.s3.send(new PutObjectCommand({ Bucket: 'reports', Key: 'manifest.json', Body }))
  await expect(readManifest(bucket.s3, { bucket: 'reports', key: 'manifest.json' })).rejects.toThrow(Invalid)
})

test('a truncated data file is an error', async ({ sql }) => {
  await using bucket = await stage()
  const key = await writeInventory(bucket.s3, { bucket: 'docs', to: 'reports', format: 'CSV' })
  const manifest = await readManifest(bucket.s3, { bucket: 'reports', key })
  await bucket.s3.send(new PutObjectCommand({ Bucket: 'reports', Key: manifest.files[1]!.key, Body: 'not gzip' }))
  await expect(backfillFromInventory(sql, bucket.s3, readInventory(bucket.s3, manifest), { bucket: 'docs' })).rejects.toThrow(
    'incorrect header check',
  )
})

/** Twelve versions, one of them a marker and one without an id; and a bucket for reports. */
async function stage(): Promise<TestS3> {
  const bucket = await testS3()
  await makeBucket(bucket.s3, 'reports', 'never')
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  for (const key of KEYS) await put(bucket, key)
  await remove(bucket, 'c')
  await setVersioning(bucket.s3, 'docs', 'Suspended')
  await put(bucket, 'unversioned')
  return bucket
}

async function rowsOf({ s3 }: TestS3, format: 'CSV' | 'Parquet'): Promise<InventoryRow[]> {
  const key = await writeInventory(s3, { bucket: 'docs', to: 'reports', format })
  return Array.fromAsync(readInventory(s3, await readManifest(s3, { bucket: 'reports', key })))
}

async function backfill(sql: Sql, bucket: TestS3, format: 'CSV' | 'Parquet') {
  return backfillFromInventory(sql, bucket.s3, iterate(await rowsOf(bucket, format)), { bucket: 'docs' })
}

async function* iterate<Row extends InventoryRow>(rows: Row[]): AsyncGenerator<Row> {
  yield* rows
}
