import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { describe, expect } from 'vitest'
import { indexer } from '../../functions/queue/index-batch.ts'
import type { Sql } from '../../shared/database/connection.ts'
import { databaseTest as test } from '../support/postgres/database.ts'
import {
  currentOf,
  makeBucket,
  objectsInCatalog,
  type TestS3,
  testS3,
  versionsInBucket,
  versionsInCatalog,
} from '../support/s3/bucket.ts'
import { sqsEvent } from '../support/sqs.ts'

/** Of the 120 orders of five events: all when CATALOG_HISTORIES is set, otherwise every fifth, in which each pair of events is the first once. */
const EVERY = process.env.CATALOG_HISTORIES ? 1 : 5

describe.each([{ sequencer: 'aws' }, { sequencer: 'none' }] as const)(
  'with sequencers of the form $sequencer',
  ({ sequencer }) => {
    test('each order of a history of one key ends with what the bucket holds', { timeout: 120_000 }, async ({ sql }) => {
      await using bucket = await testS3({ sequencer })
      await makeBucket(bucket.s3, 'docs', 'Enabled')
      const put = (Body: string) =>
        bucket.s3.send(new PutObjectCommand({ Bucket: 'docs', Key: 'k', Body, Metadata: { body: Body } }))
      const first = await put('first')
      const { UploadId } = await bucket.s3.send(
        new CreateMultipartUploadCommand({ Bucket: 'docs', Key: 'k', ContentType: 'text/late' }),
      )
      await put('second')
      const part = await bucket.s3.send(
        new UploadPartCommand({ Bucket: 'docs', Key: 'k', UploadId, PartNumber: 1, Body: 'multipart' }),
      )
      await bucket.s3.send(
        new CompleteMultipartUploadCommand({
          Bucket: 'docs',
          Key: 'k',
          UploadId,
          MultipartUpload: { Parts: [{ PartNumber: 1, ETag: part.ETag }] },
        }),
      )
      await bucket.s3.send(new DeleteObjectCommand({ Bucket: 'docs', Key: 'k', VersionId: first.VersionId }))
      await bucket.s3.send(new DeleteObjectCommand({ Bucket: 'docs', Key: 'k' }))
      const truth = await versionsInBucket(bucket.s3, 'docs')

      const orders = permutations(bucket.events).filter((_, n) => n % EVERY === 0)
      expect(orders).toHaveLength(120 / EVERY)
      for (const order of orders) {
        // Faster than truncate, which makes new files for each table and index.
        await sql`delete from catalog.storage_versions`
        await sql`delete from catalog.storage_tombstones`
        for (const event of order) await index(sql, bucket, [event])
        expect(await versionsInCatalog(sql, 'docs')).toEqual(truth)
        expect(await objectsInCatalog(sql, 'docs')).toEqual(currentOf(truth))
      }
    })
  },
)

test('tags are read again, not merged, whatever the order of the events', async ({ sql }) => {
  await using bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  await bucket.s3.send(new PutObjectCommand({ Bucket: 'docs', Key: 'k', Body: 'x', Tagging: 'a=1&b=2' }))
  await bucket.s3.send(
    new PutObjectTaggingCommand({ Bucket: 'docs', Key: 'k', Tagging: { TagSet: [{ Key: 'docs', Value: '3' }] } }),
  )
  await index(sql, bucket, bucket.events.toReversed())
  expect(await versionsInCatalog(sql, 'docs')).toEqual(await versionsInBucket(bucket.s3, 'docs'))
})

test('an event that is delivered many times is in the audit trail once', async ({ sql }) => {
  await using bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  await bucket.s3.send(new PutObjectCommand({ Bucket: 'docs', Key: 'k', Body: 'x' }))
  await bucket.s3.send(new DeleteObjectCommand({ Bucket: 'docs', Key: 'k' }))
  await index(sql, bucket, [...bucket.events, ...bucket.events])
  await index(sql, bucket, bucket.events)
  const rows =
    await sql`select action, key, user_id as "userId", ip_address as "ipAddress" from catalog.storage_audit order by occurred_at, id`
  expect([...rows]).toEqual([
    { action: 'UPLOAD', key: 'k', userId: expect.stringContaining('tester'), ipAddress: '127.0.0.1' },
    { action: 'DELETE', key: 'k', userId: expect.stringContaining('tester'), ipAddress: '127.0.0.1' },
  ])
})

async function index(sql: Sql, { s3 }: TestS3, bodies: string[]): Promise<void> {
  const handler = indexer({ sql, s3, sendDeadLetter: async () => false, maxReceives: 5 })
  expect(await handler(sqsEvent(bodies))).toEqual({ batchItemFailures: [] })
}

function permutations<T>(items: T[]): T[][] {
  if (items.length < 2) return [items]
  return items.flatMap((item, n) => permutations(items.toSpliced(n, 1)).map(rest => [item, ...rest]))
}
