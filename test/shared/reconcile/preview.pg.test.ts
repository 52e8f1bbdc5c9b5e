import { expect } from 'vitest'
import { previewBackfill } from '../../../shared/reconcile/backfill/preview.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'
import { makeBucket, type TestS3, testS3 } from '../../support/s3/bucket.ts'
import { fillBucket } from '../../support/s3/fill-bucket.ts'
import { deliver, put, remove, run } from './stage.ts'

test('the preview of a small bucket is exact: requests, cost and time are those of the backfill', async ({ sql }) => {
  await using bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  for (const key of ['a', 'a', 'b', 'c', 'other']) await put(bucket, key)
  await remove(bucket, 'c')
  const preview = await previewBackfill(bucket.s3, sql, { bucket: 'docs', requestsPerSecond: 5 })
  expect(preview).toEqual({
    bucket: 'docs',
    prefix: '',
    isExact: true,
    versions: 5,
    deleteMarkers: 1,
    cataloged: 0,
    requests: { list: 1, head: 5, tagging: 5, total: 11 },
    costUsd: expect.closeTo(0.000009, 12),
    seconds: 3,
  })
  expect((await run(sql, bucket)).findings.requests).toBe(preview.requests.total)
})

test('versions that are in the catalog already cost only the listing', async ({ sql }) => {
  await using bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  await put(bucket, 'in/1')
  await deliver(sql, bucket)
  await put(bucket, 'in/2')
  await put(bucket, 'out')
  const preview = await previewBackfill(bucket.s3, sql, { bucket: 'docs', prefix: 'in/' })
  expect(preview).toMatchObject({ versions: 2, cataloged: 1, requests: { list: 1, head: 1, tagging: 1 } })
})

const NAMES: Record<string, (n: number) => string> = {
  numbers: n => `scan-${String(n).padStart(7, '0')}.tif`,
  'random ids': n => (Math.imul(n, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0'),
  'folders by day': n => `archive/2026/${String(1 + Math.floor((n * 12) / 20_000)).padStart(2, '0')}/${n}.pdf`,
}

test.for(Object.entries(NAMES))('a large bucket of %s is estimated from its first pages', async ([, nameOf], { sql }) => {
  await using bucket = await large(nameOf)
  const preview = await previewBackfill(bucket.s3, sql, { bucket: 'docs', maxPages: 4 })
  expect(preview.isExact).toBe(false)
  expect(preview.versions / 20_000).toBeGreaterThan(1 / 2)
  expect(preview.versions / 20_000).toBeLessThan(2)
})

async function large(nameOf: (n: number) => string): Promise<TestS3> {
  const bucket = await testS3()
  fillBucket(bucket.server, 'docs', 20_000, nameOf)
  return bucket
}
