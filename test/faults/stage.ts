import { DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { expect } from 'vitest'
import { indexer } from '../../functions/queue/index-batch.ts'
import { type EventSource, startEventSource } from '../../local/sqs/event-source.ts'
import type { Queue } from '../../local/sqs/queue.ts'
import type { Sql } from '../../shared/database/connection.ts'
import { currentOf, objectsInCatalog, versionsInBucket, versionsInCatalog } from '../support/s3/bucket.ts'

/** Feeds a queue to an indexer as Lambda does, in small batches, with short waits before retries. */
export function startIndexing(sql: Sql, s3: S3Client, queue: Queue): EventSource {
  return startEventSource({
    queue,
    // Nothing goes to the dead-letter queue in these tests: that something would is what they are about.
    handler: indexer({ sql, s3, sendDeadLetter: async () => false, maxReceives: 1000 }),
    batchSize: 10,
    concurrency: 3,
    windowMs: 0,
    backoffSeconds: () => 1,
  })
}

/** Writes `objects` keys twice and deletes every third. Returns the number of events. */
export async function write(s3: S3Client, objects: number): Promise<number> {
  for (let n = 0; n < objects; n++) {
    const name = { Bucket: 'docs', Key: `key ${n}` }
    await s3.send(new PutObjectCommand({ ...name, Body: 'first', Metadata: { n: String(n) } }))
    await s3.send(new PutObjectCommand({ ...name, Body: 'second' }))
    if (n % 3 === 0) await s3.send(new DeleteObjectCommand(name))
  }
  return objects * 2 + Math.ceil(objects / 3)
}

/** Nothing is lost and nothing is stored twice: versions and objects equal the bucket's, and the audit trail has each event once. */
export async function expectAll(sql: Sql, s3: S3Client, events: number): Promise<void> {
  const truth = await versionsInBucket(s3, 'docs')
  expect(truth).toHaveLength(events)
  expect(await versionsInCatalog(sql, 'docs')).toEqual(truth)
  expect(await objectsInCatalog(sql, 'docs')).toEqual(currentOf(truth))
  const [audit] =
    await sql`select count(*) as entries, count(distinct (key, version_id, action)) as "different" from catalog.storage_audit`
  expect(audit).toEqual({ entries: events, different: events })
}
