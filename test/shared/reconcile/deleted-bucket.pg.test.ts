import { CreateBucketCommand, DeleteBucketCommand } from '@aws-sdk/client-s3'
import { expect } from 'vitest'
import { applyObservations } from '../../../shared/catalog/observations.ts'
import { openRun, type ReconcileRun, type ReconcileScope } from '../../../shared/catalog/reconcile-runs.ts'
import { getBuckets, getStatistics } from '../../../shared/catalog/statistics.ts'
import type { Sql } from '../../../shared/database/connection.ts'
import { Invalid } from '../../../shared/errors.ts'
import { continueRun } from '../../../shared/reconcile/continue-run.ts'
import type { ReconcileOptions } from '../../../shared/reconcile/reconcile.ts'
import { deleteVersions } from '../../../shared/s3/delete-versions.ts'
import { skippingClock } from '../../support/clock.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'
import { makeBucket, type TestS3, testS3, versionsInCatalog } from '../../support/s3/bucket.ts'
import { deliver, drift, driftIn, expectEqual, lose, put, remove } from './stage.ts'

test('the versions of a deleted bucket whose events were lost stayed for good', async ({ sql }) => {
  await using bucket = await stage(sql)
  await deleteBucket(bucket, 'other')
  const dry = await work(sql, bucket, { isDryRun: true })
  expect(driftIn(dry)).toEqual(drift({ orphaned: 4 }))
  expect(await versionsInCatalog(sql, 'other')).toHaveLength(4)
  expect(driftIn(await work(sql, bucket))).toEqual(drift({ orphaned: 4, repaired: 4 }))
  expect(await versionsInCatalog(sql, 'other')).toEqual([])
  await expectEqual(sql, bucket, 'docs')
  expect((await getStatistics(sql)).byBucket.map(({ value }) => value)).toEqual(['docs'])
  expect((await getBuckets(sql)).items.map(({ bucket }) => bucket)).toEqual(['docs'])
})

test('a run that only has a prefix of a deleted bucket removes that', async ({ sql }) => {
  await using bucket = await stage(sql)
  await deleteBucket(bucket, 'other')
  await work(sql, bucket, { prefix: 'a' })
  expect((await versionsInCatalog(sql, 'other')).map(({ key }) => key)).toEqual(['b', 'c'])
})

test('the bucket of the installation is not believed to be deleted until that is confirmed', async ({ sql }) => {
  await using bucket = await stage(sql)
  await deleteBucket(bucket, 'docs')
  const before = await versionsInCatalog(sql, 'docs')
  await expect(work(sql, bucket, { bucket: 'docs' })).rejects.toThrow(
    /^Bucket docs does not exist, and nothing was changed\. Check the endpoint, .*npx catalog reconcile --bucket-deleted/,
  )
  expect(await versionsInCatalog(sql, 'docs')).toEqual(before)
  const confirmed = await work(sql, bucket, { bucket: 'docs', options: { bucketDeleted: true } })
  expect(driftIn(confirmed)).toEqual(drift({ orphaned: 1, repaired: 1 }))
  expect(await versionsInCatalog(sql, 'docs')).toEqual([])
})

test('at an endpoint that has none of its buckets, a catalog is not emptied', async ({ sql }) => {
  await using right = await stage(sql)
  await using wrong = await testS3()
  for (const name of ['docs', 'other'])
    await expect(work(sql, { ...right, s3: wrong.s3 }, { bucket: name })).rejects.toThrow(Invalid)
  await expectEqual(sql, right, 'docs')
  await expectEqual(sql, right, 'other')
})

test('a bucket that may not be read is not taken for a deleted one, whatever is confirmed', async ({ sql }) => {
  let denied: (method: string) => boolean = () => false
  await using bucket = await stage(sql, { fault: ({ method }) => (denied(method) ? { error: 'AccessDenied' } : undefined) })
  const before = await versionsInCatalog(sql, 'other')
  await deleteBucket(bucket, 'other')
  for (const isDenied of [() => true, (method: string) => method === 'HEAD']) {
    denied = isDenied
    const confirmed = work(sql, bucket, { options: { bucketDeleted: true } })
    await expect(confirmed).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } })
  }
  expect(await versionsInCatalog(sql, 'other')).toEqual(before)
})

test('a bucket that is created again during the grace period keeps its versions', async ({ sql }) => {
  await using bucket = await stage(sql)
  const before = await versionsInCatalog(sql, 'other')
  await deleteBucket(bucket, 'other')
  const clock = skippingClock()
  const created = async (milliseconds: number) => {
    // A step of the grace period; shorter ones are of the request rate.
    if (milliseconds === 500) await bucket.s3.send(new CreateBucketCommand({ Bucket: 'other' }))
    await clock.sleep(milliseconds)
  }
  await expect(work(sql, bucket, {}, { clock: { ...clock, sleep: created } })).rejects.toThrow('was created again')
  expect(await versionsInCatalog(sql, 'other')).toEqual(before)
})

test('a bucket of the same name that is made later is indexed like any other', async ({ sql }) => {
  await using bucket = await stage(sql)
  await deleteBucket(bucket, 'other')
  await work(sql, bucket)
  await makeBucket(bucket.s3, 'other', 'never')
  await put(bucket, 'a', 'again', 'other')
  await deliver(sql, bucket)
  await expectEqual(sql, bucket, 'other')
  await put(bucket, 'b', 'lost', 'other')
  lose(bucket)
  expect(driftIn(await work(sql, bucket))).toEqual(drift({ missing: 1, repaired: 1 }))
  await expectEqual(sql, bucket, 'other')
})

test('a bucket that was taken for deleted is indexed again as a whole', async ({ sql }) => {
  await using right = await stage(sql)
  await using wrong = await testS3()
  await work(sql, { ...right, s3: wrong.s3 }, { options: { bucketDeleted: true } })
  expect(await versionsInCatalog(sql, 'other')).toEqual([])
  expect(driftIn(await work(sql, right))).toEqual(drift({ missing: 4, repaired: 4 }))
  await expectEqual(sql, right, 'other')
})

test('a run about a deleted bucket that is stopped continues, and counts each version once', async ({ sql }) => {
  await using bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  const look = { bucket: 'other', versionId: 'v', state: 'present', isVerified: true, claimsLatest: true, sequencer: '' } as const
  const versions = Array.from({ length: 1100 }, (_, n) => ({ ...look, key: `key ${n}`, size: 1, lastModified: new Date() }))
  await applyObservations(sql, null, { observed: versions })
  let saves = 0
  const stopped = await work(sql, bucket, {}, { onProgress: () => saves++, shouldStop: () => saves > 0 })
  expect(stopped).toMatchObject({ finishedAt: null, findings: { orphaned: 1000, repaired: 1000 } })
  const finished = await work(sql, bucket)
  expect(finished).toMatchObject({ id: stopped.id, state: 'finished', findings: { orphaned: 1100, repaired: 1100 } })
  expect(await versionsInCatalog(sql, 'other')).toEqual([])
})

test('a bucket that the catalog never knew is an error', async ({ sql }) => {
  await using bucket = await stage(sql)
  await expect(work(sql, bucket, { bucket: 'nowhere', options: { bucketDeleted: true } })).rejects.toMatchObject({
    name: 'NoSuchBucket',
  })
})

/** Works on a run as the reconciler of the installation of `docs` does; the grace period passes at once. */
async function work(
  sql: Sql,
  { s3 }: TestS3,
  scope: Partial<ReconcileScope<'reconcile'>> = {},
  options: ReconcileOptions = {},
): Promise<ReconcileRun> {
  const opened = await openRun(sql, { kind: 'reconcile', bucket: 'other', ...scope })
  return continueRun(sql, s3, opened, { homeBucket: 'docs', clock: skippingClock(), ...options })
}

/** The bucket `docs` with one version, and `other` with four: `a` twice, `b`, and a delete marker of `c`. */
async function stage(sql: Sql, options: Parameters<typeof testS3>[0] = {}): Promise<TestS3> {
  const bucket = await testS3(options)
  for (const name of ['docs', 'other']) await makeBucket(bucket.s3, name, 'Enabled')
  await put(bucket, 'a')
  for (const key of ['a', 'a', 'b']) await put(bucket, key, key, 'other')
  await remove(bucket, 'c', undefined, 'other')
  await deliver(sql, bucket)
  return bucket
}

/** Empties and deletes a bucket; the events are lost. */
async function deleteBucket(bucket: TestS3, name: string): Promise<void> {
  await deleteVersions(bucket.s3, { bucket: name })
  await bucket.s3.send(new DeleteBucketCommand({ Bucket: name }))
  lose(bucket)
}
