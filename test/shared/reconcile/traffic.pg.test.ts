import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Sql } from '../../../shared/database/connection.ts'
import { listBucketVersions } from '../../../shared/s3/list-versions.ts'
import { pacedClient } from '../../../shared/s3/paced-client.ts'
import { makeBucket, type TestS3, testS3 } from '../../support/bucket.ts'
import { databaseTest as test } from '../../support/database.ts'
import { deliver, drift, driftIn, expectEqual, lose, put, remove, run } from './stage.ts'

test('what changes meanwhile, with its events a second late, is not drift', { timeout: 60_000 }, async ({ sql }) => {
  await using bucket = await filled(sql, 150)
  const traffic = startTraffic(sql, bucket, 1000)
  const reports = []
  // Few requests a second, so that the bucket changes while it is read.
  for (let n = 0; n < 2; n++)
    reports.push(await run(sql, bucket, {}, { graceSeconds: 2, requestsPerSecond: 50, sampleRate: 0.1 }))
  const changes = await traffic.stop()
  expect(changes).toBeGreaterThan(50)
  expect(reports.map(driftIn)).toEqual([drift({}), drift({})])
  await deliver(sql, bucket)
  await expectEqual(sql, bucket)
})

test('what was lost is found among what changes meanwhile', { timeout: 60_000 }, async ({ sql }) => {
  await using bucket = await filled(sql, 100)
  for (const key of ['lost/1', 'lost/2', 'lost/3']) await put(bucket, key)
  for (const key of ['key 7', 'key 8']) await remove(bucket, key)
  lose(bucket)
  const traffic = startTraffic(sql, bucket, 500)
  const report = await run(sql, bucket, {}, { graceSeconds: 2, requestsPerSecond: 100 })
  await traffic.stop()
  expect(driftIn(report)).toEqual(drift({ missing: 5, repaired: 5 }))
  await deliver(sql, bucket)
  await expectEqual(sql, bucket)
})

test('S3 is asked no more often than it may be, its refusals included', async () => {
  const times: number[] = []
  await using bucket = await testS3({
    fault: () => {
      times.push(performance.now())
      return times.length % 10 === 0 ? { error: 'InternalError' } : undefined
    },
  })
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  times.length = 0
  let requests = 0
  const s3 = pacedClient(bucket.s3, { requestsPerSecond: 100, onRequest: () => requests++ })
  const ask = async () => {
    for await (const _ of listBucketVersions(s3, { bucket: 'docs', prefix: '', now: async () => '' }));
  }
  await Promise.all(Array.from({ length: 60 }, ask))
  expect(requests).toBe(times.length)
  expect(times.length).toBeGreaterThan(60)
  // In no half second more than fifty, and a few that waited for the server.
  const inHalfSecond = times.map(from => times.filter(time => time >= from && time < from + 500).length)
  expect(Math.max(...inHalfSecond)).toBeLessThanOrEqual(55)
})

test('the client that was paced stays as it was', async () => {
  await using bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  let requests = 0
  pacedClient(bucket.s3, { requestsPerSecond: 1, onRequest: () => requests++ })
  await put(bucket, 'a')
  await put(bucket, 'b')
  expect(requests).toBe(0)
})

test('S3 that is busy, slow and breaks off its answers only takes longer', { timeout: 60_000 }, async ({ sql }) => {
  let isIll = false
  let asked = 0
  await using bucket = await testS3({
    fault: () => {
      if (!isIll) return undefined
      const faults = [{ error: 'SlowDown' }, { delayMs: 30 }, { cutAfter: 0.5 }, {}, { error: 'InternalError' }, {}] as const
      return faults[asked++ % faults.length]
    },
  })
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  for (let n = 0; n < 30; n++) await put(bucket, `key ${n}`)
  isIll = true
  const report = await run(sql, bucket)
  isIll = false
  expect(driftIn(report)).toEqual(drift({ missing: 30, repaired: 30 }))
  await expectEqual(sql, bucket)
})

test('two prefixes are compared at once', async ({ sql }) => {
  await using bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  for (let n = 0; n < 40; n++) await put(bucket, `${n % 2 === 0 ? 'even' : 'odd'}/${n}`)
  const reports = await Promise.all([run(sql, bucket, { prefix: 'even/' }), run(sql, bucket, { prefix: 'odd/' })])
  expect(reports.map(driftIn)).toEqual([drift({ missing: 20, repaired: 20 }), drift({ missing: 20, repaired: 20 })])
  await expectEqual(sql, bucket)
})

/** A bucket with so many keys, all of them indexed. */
async function filled(sql: Sql, keys: number): Promise<TestS3> {
  const bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  await Promise.all(Array.from({ length: keys }, (_, n) => put(bucket, `key ${n}`)))
  await deliver(sql, bucket)
  return bucket
}

/** Three writers change the bucket, and each change is indexed so many milliseconds later; answers how many there were. */
function startTraffic(sql: Sql, bucket: TestS3, lateMs: number) {
  let isStopped = false
  let changes = 0
  const late: Promise<void>[] = []
  const write = async (writer: number) => {
    for (let n = 0; !isStopped; n++) {
      const key = `key ${(n * 7 + writer * 31) % 200}`
      await (n % 3 === 0 ? remove(bucket, key) : put(bucket, key, `writer ${writer}, ${n}`))
      changes++
      await sleep(25)
    }
  }
  const index = async () => {
    while (!isStopped) {
      const events = bucket.events.splice(0)
      late.push(sleep(lateMs).then(() => deliver(sql, { ...bucket, events })))
      await sleep(100)
    }
  }
  const running = Promise.all([write(1), write(2), write(3), index()])
  return {
    async stop() {
      isStopped = true
      await running
      await Promise.all(late)
      return changes
    },
  }
}
