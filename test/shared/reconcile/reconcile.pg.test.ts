import { CreateMultipartUploadCommand, PutObjectTaggingCommand } from '@aws-sdk/client-s3'
import { describe, expect } from 'vitest'
import { transition } from '../../../local/s3/store/lifecycle.ts'
import { deleteObject, recordObject } from '../../../shared/catalog/objects.ts'
import { applyObservations, type Observation } from '../../../shared/catalog/observations.ts'
import type { Sql } from '../../../shared/database/connection.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'
import { makeBucket, setVersioning, type TestS3, testS3, versionsInCatalog } from '../../support/s3/bucket.ts'
import { digestBucket, digestCatalog } from '../../support/s3/digest.ts'
import { deliver, drift, driftIn, expectEqual, lose, put, remove, run } from './stage.ts'

type Case = { what: string; found: Parameters<typeof drift>[0]; spoil: (sql: Sql, bucket: TestS3) => Promise<unknown> }

/** Each begins with `a` (two versions), `b` (one, deleted) and `c` (one), all of them indexed. */
const CASES: Case[] = [
  {
    what: 'a version whose event was lost is missing',
    found: { missing: 1, repaired: 1 },
    spoil: (_, bucket) => put(bucket, 'd'),
  },
  {
    what: 'a new latest version whose event was lost is missing, once',
    found: { missing: 1, repaired: 1 },
    spoil: (_, bucket) => put(bucket, 'a', 'third'),
  },
  {
    what: 'a delete marker whose event was lost is missing',
    found: { missing: 1, repaired: 1 },
    spoil: (_, bucket) => remove(bucket, 'c'),
  },
  {
    what: 'a version deleted for good without an event is orphaned, and the one below it is the latest',
    found: { orphaned: 1, wrongLatest: 1, repaired: 2 },
    spoil: async (sql, bucket) => remove(bucket, 'a', await latestOf(sql, 'a')),
  },
  {
    what: 'a version that the bucket never had is orphaned',
    found: { orphaned: 1, repaired: 1 },
    spoil: sql => apply(sql, { key: 'ghost', versionId: 'never' }),
  },
  {
    what: 'a version of another size and entity tag is stale',
    found: { stale: 1, repaired: 1 },
    spoil: async sql => apply(sql, { key: 'c', versionId: await latestOf(sql, 'c'), size: 99, etag: 'other' }),
  },
  {
    what: 'a transition whose event was lost is stale',
    found: { stale: 1, repaired: 1 },
    spoil: async (sql, bucket) => transition(bucket.server.store, 'docs', 'c', await latestOf(sql, 'c'), 'GLACIER'),
  },
  {
    what: 'an object deleted from the catalog alone has no latest version',
    found: { wrongLatest: 1, repaired: 1 },
    spoil: sql => deleteObject(sql, { bucket: 'docs', key: 'c' }),
  },
  {
    what: 'an old version flagged as the latest is a wrong latest',
    found: { wrongLatest: 1, repaired: 1 },
    spoil: async sql => {
      const [old] = (await versionsInCatalog(sql, 'docs')).filter(({ key, isLatest }) => key === 'a' && !isLatest)
      await applyObservations(sql, null, { confirmedLatest: [{ bucket: 'docs', key: 'a', versionId: String(old?.versionId) }] })
    },
  },
  {
    what: 'metadata, tags and content types, which are in no listing, are found when every version is asked again',
    found: { wrongMetadata: 2, repaired: 2 },
    spoil: async (sql, bucket) => {
      const VersionId = await latestOf(sql, 'c')
      await bucket.s3.send(
        new PutObjectTaggingCommand({ Bucket: 'docs', Key: 'c', VersionId, Tagging: { TagSet: [{ Key: 'a', Value: 'b' }] } }),
      )
      await sql`update catalog.storage_versions set metadata = '{"other": "1"}' where key = 'a' and not is_latest`
    },
  },
]

describe('drift is found, counted and repaired', () => {
  test.for(CASES)('$what', async ({ found, spoil }, { sql }) => {
    await using bucket = await stage(sql)
    await spoil(sql, bucket)
    lose(bucket)
    const options = { sampleRate: 1 }

    const before = await versionsInCatalog(sql, 'docs')
    const dry = await run(sql, bucket, { isDryRun: true }, options)
    expect(driftIn(dry)).toEqual(drift({ ...found, repaired: 0 }))
    expect(await versionsInCatalog(sql, 'docs')).toEqual(before)

    expect(driftIn(await run(sql, bucket, {}, options))).toEqual(drift(found))
    await expectEqual(sql, bucket)
    expect(driftIn(await run(sql, bucket, {}, options))).toEqual(drift({}))
  })
})

test('an equal catalog costs one request per thousand versions, and has the same digest', async ({ sql }) => {
  await using bucket = await stage(sql)
  expect((await run(sql, bucket)).findings).toMatchObject({ ...drift({}), requests: 1, versions: 5, refreshed: 0 })
  const digest = await digestBucket(bucket.s3, { bucket: 'docs' })
  expect(digest).toEqual({ count: 5, hash: expect.stringMatching(/^[0-9a-f]{64}$/) })
  expect(await digestCatalog(sql, { bucket: 'docs' })).toEqual(digest)
  await put(bucket, 'd')
  expect(await digestBucket(bucket.s3, { bucket: 'docs' })).not.toEqual(digest)
})

test('the reconcile of an empty catalog is its backfill', async ({ sql }) => {
  await using bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  for (const key of ['a', 'a', 'b/1', 'b/2', 'b/2']) await put(bucket, key)
  await remove(bucket, 'b/2')
  const { findings } = await run(sql, bucket)
  // One listing, which is enough for the marker; HEAD and tags of each version.
  expect(findings).toMatchObject({ ...drift({ missing: 6, repaired: 6 }), requests: 11, versions: 6 })
  await expectEqual(sql, bucket)
})

test.for(['never', 'Suspended'] as const)(
  'a bucket whose versioning is %s is compared by its null versions',
  async (how, { sql }) => {
    await using bucket = await testS3()
    await makeBucket(bucket.s3, 'docs', how === 'never' ? 'never' : 'Enabled')
    if (how === 'Suspended') {
      await put(bucket, 'a', 'versioned')
      await put(bucket, 'b', 'versioned')
      await setVersioning(bucket.s3, 'docs', 'Suspended')
    }
    await put(bucket, 'a', 'first')
    await put(bucket, 'b', 'first')
    await put(bucket, 'c', 'first')
    await deliver(sql, bucket)
    await put(bucket, 'a', 'overwritten')
    await remove(bucket, 'b')
    lose(bucket)
    await run(sql, bucket)
    await expectEqual(sql, bucket)
    expect(driftIn(await run(sql, bucket))).toEqual(drift({}))
  },
)

test('objects of other backends under the same bucket name are not orphaned', async ({ sql }) => {
  await using bucket = await stage(sql)
  await recordObject(sql, { bucket: 'docs', key: 'on disk', size: 1, storageBackend: 'local' })
  expect(driftIn(await run(sql, bucket))).toEqual(drift({}))
})

test('an upload that is not completed is not a version', async ({ sql }) => {
  await using bucket = await stage(sql)
  await bucket.s3.send(new CreateMultipartUploadCommand({ Bucket: 'docs', Key: 'half' }))
  expect(driftIn(await run(sql, bucket))).toEqual(drift({}))
})

test('only keys with the prefix are compared and repaired', async ({ sql }) => {
  await using bucket = await stage(sql)
  await put(bucket, 'in/1')
  await put(bucket, 'out/1')
  lose(bucket)
  expect(driftIn(await run(sql, bucket, { prefix: 'in/' }))).toEqual(drift({ missing: 1, repaired: 1 }))
  expect(driftIn(await run(sql, bucket, { isDryRun: true }))).toEqual(drift({ missing: 1 }))
})

test('an object encrypted with a customer’s key is indexed as it is listed', async ({ sql }) => {
  await using bucket = await testS3({
    fault: ({ method, key }) => (method === 'HEAD' && key === 'secret' ? { error: 'BadRequest' } : undefined),
  })
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  for (const key of ['a', 'secret', 'z']) await put(bucket, key)
  expect(driftIn(await run(sql, bucket))).toEqual(drift({ missing: 3, repaired: 3 }))
  const [secret] = (await versionsInCatalog(sql, 'docs')).filter(({ key }) => key === 'secret')
  expect(secret).toMatchObject({ isLatest: true, size: 1, etag: '9dd4e461268c8034f5c8564e155c67a6', metadata: {} })
  expect(driftIn(await run(sql, bucket, {}, { sampleRate: 1 }))).toEqual(drift({}))
})

test('rejected credentials stop a reconcile before it writes anything', async ({ sql }) => {
  let isExpired = false
  await using bucket = await testS3({
    fault: ({ query }) => (isExpired && !query.has('versions') ? { error: 'BadRequest' } : undefined),
  })
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  await put(bucket, 'a')
  await deliver(sql, bucket)
  const before = await versionsInCatalog(sql, 'docs')
  for (let n = 0; n < 20; n++) await put(bucket, `b${n}`)
  await remove(bucket, 'a', String(before[0]?.versionId))
  isExpired = true
  await expect(run(sql, bucket)).rejects.toMatchObject({ name: 'BadRequest' })
  expect(await versionsInCatalog(sql, 'docs')).toEqual(before)
})

test('a missing bucket is an error, not an empty bucket', async ({ sql }) => {
  await using bucket = await stage(sql)
  const before = await versionsInCatalog(sql, 'docs')
  await expect(run(sql, bucket, { bucket: 'elsewhere' })).rejects.toMatchObject({ name: 'NoSuchBucket' })
  expect(await versionsInCatalog(sql, 'docs')).toEqual(before)
})

async function stage(sql: Sql): Promise<TestS3> {
  const bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  for (const key of ['a', 'a', 'b', 'c']) await put(bucket, key)
  await remove(bucket, 'b')
  await deliver(sql, bucket)
  return bucket
}

async function latestOf(sql: Sql, key: string): Promise<string> {
  const found = (await versionsInCatalog(sql, 'docs')).find(version => version.key === key && version.isLatest)
  return String(found?.versionId)
}

/** Writes what is not true, as if it had been observed this moment. */
async function apply(sql: Sql, wrong: Partial<Observation> & { key: string; versionId: string }): Promise<void> {
  const known = { size: 1, lastModified: new Date(), metadata: {}, tags: {}, claimsLatest: false, sequencer: '' }
  const look = { bucket: 'docs', key: wrong.key, versionId: wrong.versionId }
  await applyObservations(sql, null, {
    observed: [{ ...look, state: 'present', isVerified: true, ...known, ...wrong }],
    confirmedLatest: [look],
  })
}
