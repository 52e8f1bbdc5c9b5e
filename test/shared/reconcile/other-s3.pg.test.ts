import { DeleteObjectTaggingCommand, PutObjectTaggingCommand } from '@aws-sdk/client-s3'
import { describe, expect } from 'vitest'
import { openRun } from '../../../shared/catalog/reconcile-runs.ts'
import { continueRun } from '../../../shared/reconcile/continue-run.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'
import { makeBucket, testClient, testS3, versionsInCatalog } from '../../support/s3/bucket.ts'
import { IMPLEMENTATIONS } from '../../support/s3/implementations.ts'
import { asImplementation } from '../../support/s3/other-s3.ts'
import { startS3Proxy } from '../../support/s3/s3-proxy.ts'
import { drift, driftIn, expectEqual, lose, put, remove, run } from './stage.ts'

describe.each(IMPLEMENTATIONS)('a bucket in %s', implementation => {
  test.for(['never', 'Enabled'] as const)(
    'with versioning %s is equal after one reconcile, and a second finds nothing',
    async (versioning, { sql }) => {
      await using aws = await testS3()
      await makeBucket(aws.s3, 'docs', versioning)
      const keys = ['100%', 'a b', 'a+b', 'x%7Ez', 'deleted', 'deleted below', 'gone']
      for (const key of keys) for (const body of ['1', '2']) await put(aws, key, body)
      for (const key of ['deleted', 'deleted below', 'gone']) await remove(aws, key)
      await put(aws, 'deleted below', 'again')
      lose(aws)
      await using other = await asImplementation(aws, implementation)
      expect(await run(sql, other, {}, { sampleRate: 1 })).toMatchObject({ state: 'finished', findings: { unsettled: 0 } })
      await expectEqual(sql, aws)
      expect(driftIn(await run(sql, other, {}, { sampleRate: 1 }))).toEqual(drift({}))

      for (const { key, versionId } of (await versionsInCatalog(sql, 'docs')).slice(0, 5))
        await remove(aws, String(key), String(versionId))
      await remove(aws, 'a b')
      lose(aws)
      expect(await run(sql, other)).toMatchObject({ state: 'finished' })
      await expectEqual(sql, aws)
    },
  )
})

test('the HEAD of a delete marker that is 404 stopped a reconcile at its key, and one without Last-Modified as well', async ({
  sql,
}) => {
  for (const implementation of IMPLEMENTATIONS) {
    await using aws = await testS3()
    const name = `of-${implementation}`
    await makeBucket(aws.s3, name, 'Enabled')
    await put(aws, 'k', 'x', name)
    await remove(aws, 'k', undefined, name)
    await using other = await asImplementation(aws, implementation)
    await run(sql, other, { bucket: name })
    await expectEqual(sql, aws, name)
  }
})

test('a listing whose Last-Modified or entity tag differs from the HEAD was drift, and repaired, in every run', async ({
  sql,
}) => {
  await using aws = await testS3()
  await makeBucket(aws.s3, 'docs', 'Enabled')
  for (const key of ['a', 'b']) await put(aws, key)
  await using proxy = await startS3Proxy(aws.server.url, {
    response({ url }, response) {
      if (!url.searchParams.has('versions')) return
      const moved = response.body.toString().replace(/<LastModified>[^<]+/, '<LastModified>2020-01-01T00:00:00.000Z')
      response.body = Buffer.from(moved)
    },
  })
  const other = { ...aws, s3: testClient(proxy.url) }
  expect(driftIn(await run(sql, other))).toEqual(drift({ missing: 2, repaired: 2 }))
  for (const isDryRun of [false, true]) expect(driftIn(await run(sql, other, { isDryRun }))).toEqual(drift({ disagreeing: 1 }))
  await put(aws, 'c', 'real drift')
  expect(driftIn(await run(sql, other))).toEqual(drift({ missing: 1, disagreeing: 1, repaired: 1 }))
  other.s3.destroy()
})

test('a key that Postgres refuses ended the run, and its neighbours were not repaired', async ({ sql }) => {
  await using aws = await testS3()
  await makeBucket(aws.s3, 'docs', 'Enabled')
  for (const key of ['a', 'b', 'c', 'd', 'e']) await put(aws, key)
  lose(aws)
  await sql`alter table catalog.storage_versions add constraint no_c check (key <> 'c')`
  expect(await run(sql, aws)).toMatchObject({
    state: 'incomplete',
    findings: { missing: 5, repaired: 4, unsettled: 1 },
    result: { unsettled: [{ key: 'c', reason: expect.stringContaining('no_c') }] },
  })
  await sql`alter table catalog.storage_versions drop constraint no_c`
  expect(await run(sql, aws)).toMatchObject({ state: 'finished', findings: { missing: 1, repaired: 1, unsettled: 0 } })
  await expectEqual(sql, aws)
})

test('a run names the last twenty keys that it could not settle, and counts all', async ({ sql }) => {
  await using aws = await testS3({
    fault: ({ method, key }) => (method === 'HEAD' && key?.startsWith('bad') ? { error: 'AccessDenied' } : undefined),
  })
  await makeBucket(aws.s3, 'docs', 'Enabled')
  await put(aws, 'a')
  for (let n = 0; n < 25; n++) await put(aws, `bad ${n}`)
  const { state, findings, result } = await run(sql, aws)
  expect({ state, findings }).toMatchObject({ state: 'incomplete', findings: { missing: 1, unsettled: 25 } })
  expect(result && 'unsettled' in result && result.unsettled).toHaveLength(20)
})

test('an entity tag that Ceph no longer lists was drift, and the digests differed', async ({ sql }) => {
  await using aws = await testS3()
  await makeBucket(aws.s3, 'docs', 'Enabled')
  const VersionId = await put(aws, 'k')
  const name = { Bucket: 'docs', Key: 'k', VersionId }
  await aws.s3.send(new PutObjectTaggingCommand({ ...name, Tagging: { TagSet: [{ Key: 't', Value: '1' }] } }))
  await aws.s3.send(new DeleteObjectTaggingCommand(name))
  await using proxy = await startS3Proxy(aws.server.url, {
    response({ url }, response) {
      if (!url.searchParams.has('versions')) return
      response.body = Buffer.from(response.body.toString().replaceAll(/<ETag>[^<]*/g, '<ETag>&quot;&quot;'))
    },
  })
  const other = { ...aws, s3: testClient(proxy.url) }
  expect(driftIn(await run(sql, other))).toEqual(drift({ missing: 1, repaired: 1 }))
  expect(driftIn(await run(sql, other))).toEqual(drift({}))
  const { result } = await continueRun(sql, other.s3, await openRun(sql, { kind: 'digest', bucket: 'docs' }), {})
  expect(result && 'bucket' in result && result.bucket).toEqual(result && 'catalog' in result && result.catalog)
  other.s3.destroy()
})
