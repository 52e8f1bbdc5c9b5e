import { CopyObjectCommand, PutObjectTaggingCommand } from '@aws-sdk/client-s3'
import { expect } from 'vitest'
import type { ReconcileRun } from '../../../shared/catalog/reconcile-runs.ts'
import type { Sql } from '../../../shared/database/connection.ts'
import { skippingClock } from '../../support/clock.ts'
import { passDays } from '../../support/pass-days.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'
import { makeBucket, type TestS3, testS3, versionsInCatalog } from '../../support/s3/bucket.ts'
import { deliver, drift, driftIn, expectEqual, lose, put, run } from './stage.ts'

const DAY = 24 * 3600

test('a change of tags whose event was lost was never found', async ({ sql }) => {
  await using bucket = await stage(sql, 3)
  await tag(bucket, 'key 1', 'signed')
  lose(bucket)
  expect(driftIn(await deployed(sql, bucket))).toEqual(drift({}))
  await passDays(sql, 30)
  const healed = await deployed(sql, bucket)
  expect(driftIn(healed)).toEqual(drift({ wrongMetadata: 1, repaired: 1 }))
  expect(healed.findings).toMatchObject({ refreshed: 3, oldestSeconds: expect.closeTo(30 * DAY, -3) })
  await expectEqual(sql, bucket)
})

test('a change of the metadata of an overwritten object whose event was lost is found', async ({ sql }) => {
  await using bucket = await stage(sql, 2, 'never')
  await bucket.s3.send(
    new CopyObjectCommand({ Bucket: 'docs', Key: 'key 1', CopySource: 'docs/key%201', MetadataDirective: 'REPLACE' }),
  )
  lose(bucket)
  await passDays(sql, 30)
  await deployed(sql, bucket)
  await expectEqual(sql, bucket)
})

test('a version that was asked again is not due any more', async ({ sql }) => {
  await using bucket = await stage(sql, 5)
  await passDays(sql, 30)
  expect((await deployed(sql, bucket)).findings).toMatchObject({ refreshed: 5, requests: 11 })
  const next = await deployed(sql, bucket)
  expect(next.findings).toMatchObject({ refreshed: 0, requests: 1 })
  expect(next.findings.oldestSeconds).toBeLessThan(DAY)
})

test('a dry run asks about versions that are due, and leaves them due', async ({ sql }) => {
  await using bucket = await stage(sql, 3)
  await tag(bucket, 'key 1', 'signed')
  lose(bucket)
  await passDays(sql, 30)
  const before = await versionsInCatalog(sql, 'docs')
  const dry = await deployed(sql, bucket, { isDryRun: true })
  expect(dry.findings).toMatchObject({ wrongMetadata: 1, repaired: 0, refreshed: 3 })
  expect(await versionsInCatalog(sql, 'docs')).toEqual(before)
  expect((await deployed(sql, bucket)).findings).toMatchObject({ wrongMetadata: 1, repaired: 1, refreshed: 3 })
})

test('a run that is stopped and continued asks about each version once, and counts each', { timeout: 60_000 }, async ({
  sql,
}) => {
  await using bucket = await stage(sql, 60)
  await passDays(sql, 30)
  await sql`update catalog.storage_versions set observed_at = observed_at - interval '10 days' where key = 'key 0'`
  const steps: ReconcileRun[] = []
  // Thirty requests are as much as this pace allows for a step: fifteen versions.
  const slow = { requestsPerSecond: 10, clock: skippingClock(), onProgress: (step: ReconcileRun) => steps.push(step) }
  const stopped = await run(sql, bucket, {}, { ...slow, shouldStop: () => steps.length >= 2 })
  expect(stopped).toMatchObject({ finishedAt: null, findings: { refreshed: 30 } })
  const { findings } = await run(sql, bucket, {}, { clock: skippingClock() })
  expect(findings).toMatchObject({ versions: 60, refreshed: 60, oldestSeconds: expect.closeTo(40 * DAY, -3) })
})

test('a change during the request is not undone by its response', async ({ sql }) => {
  let isHeld = false
  await using bucket = await testS3({
    fault: ({ method }) => (isHeld && method === 'HEAD' ? { delayMs: 100 } : undefined),
  })
  await fill(sql, bucket, 1, 'Enabled')
  await passDays(sql, 30)
  isHeld = true
  const running = deployed(sql, bucket)
  await tag(bucket, 'key 0', 'signed')
  await running
  isHeld = false
  await deliver(sql, bucket)
  await expectEqual(sql, bucket)
})

test('a change while a chunk waits is not undone by what S3 returned before', async ({ sql }) => {
  await using bucket = await stage(sql, 2)
  await passDays(sql, 30)
  await put(bucket, 'lost')
  lose(bucket)
  const clock = skippingClock()
  let isChanged = false
  const sleep = async (milliseconds: number) => {
    // The first step of the grace period: both keys were asked about, and nothing is written yet.
    if (milliseconds === 500 && !isChanged) {
      isChanged = true
      await tag(bucket, 'key 0', 'signed')
      await deliver(sql, bucket)
    }
    await clock.sleep(milliseconds)
  }
  const { findings } = await run(sql, bucket, {}, { graceSeconds: undefined, clock: { ...clock, sleep } })
  expect(findings).toMatchObject({ missing: 1, refreshed: 2, repaired: 1 })
  expect(isChanged).toBe(true)
  await expectEqual(sql, bucket)
})

/** A run with the options that are deployed; the grace period passes at once. */
function deployed(sql: Sql, bucket: TestS3, scope: { isDryRun?: boolean } = {}): Promise<ReconcileRun> {
  return run(sql, bucket, scope, { graceSeconds: undefined, clock: skippingClock() })
}

async function stage(sql: Sql, keys: number, versioning: 'Enabled' | 'never' = 'Enabled'): Promise<TestS3> {
  const bucket = await testS3()
  await fill(sql, bucket, keys, versioning)
  return bucket
}

async function fill(sql: Sql, bucket: TestS3, keys: number, versioning: 'Enabled' | 'never'): Promise<void> {
  await makeBucket(bucket.s3, 'docs', versioning)
  for (let n = 0; n < keys; n++) await put(bucket, `key ${n}`)
  await deliver(sql, bucket)
}

async function tag({ s3 }: TestS3, Key: string, Value: string): Promise<void> {
  await s3.send(new PutObjectTaggingCommand({ Bucket: 'docs', Key, Tagging: { TagSet: [{ Key: 'state', Value }] } }))
}
