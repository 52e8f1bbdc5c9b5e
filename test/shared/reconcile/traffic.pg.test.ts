import { expect } from 'vitest'
import type { Clock } from '../../../shared/clock.ts'
import type { Sql } from '../../../shared/database/connection.ts'
import { skippingClock } from '../../support/clock.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'
import { randomNumbers } from '../../support/random.ts'
import { makeBucket, type TestS3, testS3 } from '../../support/s3/bucket.ts'
import { deliver, drift, driftIn, expectEqual, lose, put, remove, run } from './stage.ts'

test('changes during a reconcile whose events are almost as late as the grace period are not drift', { timeout: 60_000 }, async ({
  sql,
}) => {
  await using bucket = await filled(sql, 150)
  const traffic = startTraffic(sql, bucket, 1900)
  const reports = []
  // Few requests a second, so that the bucket changes while it is read.
  const options = { graceSeconds: 2, requestsPerSecond: 50, sampleRate: 0.1, clock: traffic.clock, random: randomNumbers() }
  for (let n = 0; n < 2; n++) reports.push(await run(sql, bucket, {}, options))
  expect(await traffic.stop()).toBeGreaterThan(50)
  expect(reports.map(driftIn)).toEqual([drift({}), drift({})])
  await deliver(sql, bucket)
  await expectEqual(sql, bucket)
})

test('lost events are found among changes during a reconcile', { timeout: 60_000 }, async ({ sql }) => {
  await using bucket = await filled(sql, 100)
  for (const key of ['lost/1', 'lost/2', 'lost/3']) await put(bucket, key)
  for (const key of ['key 7', 'key 8']) await remove(bucket, key)
  lose(bucket)
  const traffic = startTraffic(sql, bucket, 1900)
  const report = await run(sql, bucket, {}, { graceSeconds: 2, requestsPerSecond: 100, clock: traffic.clock })
  await traffic.stop()
  expect(driftIn(report)).toEqual(drift({ missing: 5, repaired: 5 }))
  await deliver(sql, bucket)
  await expectEqual(sql, bucket)
})

test('S3 that is busy, slow and cuts off its responses only takes longer', { timeout: 60_000 }, async ({ sql }) => {
  let isFaulty = false
  let requests = 0
  await using bucket = await testS3({
    fault: () => {
      if (!isFaulty) return undefined
      const faults = [{ error: 'SlowDown' }, { delayMs: 30 }, { cutAfter: 0.5 }, {}, { error: 'InternalError' }, {}] as const
      return faults[requests++ % faults.length]
    },
  })
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  for (let n = 0; n < 30; n++) await put(bucket, `key ${n}`)
  isFaulty = true
  const report = await run(sql, bucket, {}, { clock: skippingClock() })
  isFaulty = false
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

/** A bucket with a number of keys, all of them indexed. */
async function filled(sql: Sql, keys: number): Promise<TestS3> {
  const bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  await Promise.all(Array.from({ length: keys }, (_, n) => put(bucket, `key ${n}`)))
  await deliver(sql, bucket)
  return bucket
}

/** Milliseconds between two changes of the traffic. */
const CHANGE_MS = 25

/**
 * Traffic with a clock on which time passes in sleeps only. During a sleep the bucket changes, and each change is indexed `lateMs` later.
 * `stop` indexes the rest and returns how many changes there were.
 */
function startTraffic(sql: Sql, bucket: TestS3, lateMs: number): { clock: Clock; stop(): Promise<number> } {
  let now = 0
  let nextChange = CHANGE_MS
  let changes = 0
  let passing: Promise<void> = Promise.resolve()
  const late: { at: number; events: string[] }[] = []
  const index = async (until: number) => {
    while (late[0] && late[0].at <= until) await deliver(sql, { ...bucket, events: late.shift()!.events })
  }
  const change = async () => {
    const key = `key ${(changes * 7) % 200}`
    await (changes % 3 === 0 ? remove(bucket, key) : put(bucket, key, `change ${changes}`))
    changes++
    late.push({ at: now + lateMs, events: bucket.events.splice(0) })
  }
  const passUntil = async (end: number) => {
    for (; nextChange <= end; nextChange += CHANGE_MS) {
      now = nextChange
      await change()
      await index(now)
    }
    now = Math.max(now, end)
  }
  return {
    clock: {
      now: () => now,
      sleep(milliseconds) {
        const end = now + milliseconds
        passing = passing.then(() => passUntil(end))
        return passing
      },
    },
    async stop() {
      await passing
      await index(Number.POSITIVE_INFINITY)
      return changes
    },
  }
}
