import { beforeEach, expect, vi } from 'vitest'
import { type Fault, startS3 } from '../../local/s3/server.ts'
import { createBucket } from '../../local/s3/store/buckets.ts'
import { databaseTest as test } from '../support/postgres/database.ts'
import { testClient } from '../support/s3/bucket.ts'
import { expectAll, startIndexing, write } from './stage.ts'

// What fails is logged each time, whole.
beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined))

/** What every fourth question meets. */
const FAULTS: Record<string, Fault> = {
  'returns 503 SlowDown': { error: 'SlowDown' },
  'returns 500 InternalError': { error: 'InternalError' },
  'takes its time': { delayMs: 100 },
  'breaks off its responses': { cutAfter: 0.5 },
}

test.for(Object.entries(FAULTS))('S3 that %s costs time, and no event', { timeout: 60_000 }, async ([, fault], { sql }) => {
  await using ending = new AsyncDisposableStack()
  let isFaulty = false
  let requests = 0
  const server = await startS3({ folder: ':memory:', fault: () => (isFaulty && requests++ % 4 === 0 ? fault : undefined) })
  ending.defer(() => server.close())
  createBucket(server.store, 'docs', { versioning: 'Enabled' })
  const s3 = testClient(server.url)
  ending.defer(() => s3.destroy())
  const events = await write(s3, 30)

  isFaulty = true
  const source = startIndexing(sql, s3, server.events)
  ending.defer(() => source.close())
  await source.drained()
  isFaulty = false
  expect(requests).toBeGreaterThan(events)
  expect(server.deadLetters.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 })
  await expectAll(sql, s3, events)
})

test('events are in the dead-letter queue after S3 failed until their last attempt', {
  timeout: 60_000,
}, async ({ sql }) => {
  await using ending = new AsyncDisposableStack()
  let isAway = false
  const server = await startS3({ folder: ':memory:', fault: () => (isAway ? { error: 'InternalError' } : undefined) })
  ending.defer(() => server.close())
  createBucket(server.store, 'docs', { versioning: 'Enabled' })
  const s3 = testClient(server.url)
  ending.defer(() => s3.destroy())
  const events = await write(s3, 5)

  isAway = true
  const source = startIndexing(sql, s3, server.events)
  ending.defer(() => source.close())
  await source.drained()
  isAway = false
  expect(server.deadLetters.counts()).toMatchObject({ visible: events })
  const [row] = await sql`select count(*) as versions from catalog.storage_versions`
  expect(row).toEqual({ versions: 0 })

  expect(server.deadLetters.redrive()).toBe(events)
  await source.drained()
  await expectAll(sql, s3, events)
})
