import { HeadBucketCommand } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import type { Fault } from '../../../local/s3/server.ts'
import { pacedClient } from '../../../shared/s3/paced-client.ts'
import { skippingClock } from '../../support/clock.ts'
import { makeBucket, testS3 } from '../../support/s3/bucket.ts'

test('requests keep their distance, retries included', async () => {
  const { times, received } = await timesOf(60, request => (request % 10 === 9 ? { error: 'InternalError' } : undefined))
  expect(times.length).toBe(received)
  expect(times.length).toBeGreaterThan(60)
  // A wait of up to 2 ms is skipped.
  expect(times.filter((time, n) => time < n * 10 - 2)).toEqual([])
})

test('requests are further apart while S3 returns SlowDown, and near again afterwards', async () => {
  const { times } = await timesOf(400, request => (request < 3 ? { error: 'SlowDown' } : undefined))
  const gaps = times.map((time, n) => time - (times[n - 1] ?? time)).slice(1)
  expect(Math.max(...gaps)).toBeGreaterThan(30)
  expect(gaps.at(-1)).toBeCloseTo(10)
})

test('the client that was paced stays as it was', async () => {
  await using bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  let requests = 0
  const paced = pacedClient(bucket.s3, { requestsPerSecond: 1, onRequest: () => requests++ })
  const head = new HeadBucketCommand({ Bucket: 'docs' })
  await bucket.s3.send(head)
  await bucket.s3.send(head)
  expect(requests).toBe(0)
  await paced.send(head)
  expect(requests).toBe(1)
})

/** When that many requests are sent at 100 a second, five at once, and how many the server receives, which answers some with a fault. */
async function timesOf(
  count: number,
  faultOf: (request: number) => Fault | undefined,
): Promise<{ times: number[]; received: number }> {
  let received = 0
  let isFaulty = false
  await using bucket = await testS3({ fault: () => (isFaulty ? faultOf(received++) : undefined) })
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  isFaulty = true
  const times: number[] = []
  const clock = skippingClock()
  const s3 = pacedClient(bucket.s3, { requestsPerSecond: 100, onRequest: () => times.push(clock.now()), clock })
  let left = count
  const send = async () => {
    while (left-- > 0) await s3.send(new HeadBucketCommand({ Bucket: 'docs' }))
  }
  await Promise.all(Array.from({ length: 5 }, send))
  return { times, received }
}
