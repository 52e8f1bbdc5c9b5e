import { CreateBucketCommand, PutBucketVersioningCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import type { S3EventRecord, SQSBatchResponse } from 'aws-lambda'
import { deadLetterQueue, type SendDeadLetter } from '../../functions/queue/dead-letter.ts'
import { indexer } from '../../functions/queue/index-batch.ts'
import { type S3Options, type S3Server, startS3 } from '../../local/s3/server.ts'
import type { Sql } from '../../shared/database/connection.ts'
import { objectsInCatalog } from './s3/bucket.ts'
import { sqsEvent } from './sqs.ts'

/** A dead letter: its body as JSON, its reason and the message it came from. */
export type DeadLetter = { body: unknown; reason?: string; messageId?: string }

/** A versioned bucket `docs`, its queues, and the indexer on them with a real client of SQS. Failed requests are not retried. */
export type IndexerStage = {
  s3: S3Client
  server: S3Server
  sendDeadLetter: SendDeadLetter
  /** Puts an object and returns the body of its event, which is in the queue as well. */
  put(key: string, metadata?: Record<string, string>): Promise<string>
  index(bodies: string[], receives?: number): Promise<SQSBatchResponse>
  keys(): Promise<string[]>
  dead(): DeadLetter[]
  [Symbol.asyncDispose](): Promise<void>
}

/** For `await using stage = await startStage(sql)`. */
export async function startStage(sql: Sql, options: Partial<S3Options> = {}): Promise<IndexerStage> {
  const server = await startS3({ folder: ':memory:', ...options })
  const credentials = { accessKeyId: 'tester', secretAccessKey: 'secret' }
  const s3 = new S3Client({ endpoint: server.url, region: 'us-east-1', forcePathStyle: true, maxAttempts: 1, credentials })
  await s3.send(new CreateBucketCommand({ Bucket: 'docs' }))
  await s3.send(new PutBucketVersioningCommand({ Bucket: 'docs', VersioningConfiguration: { Status: 'Enabled' } }))
  const queueUrl = `${server.url}/000000000000/${server.deadLetters.name}`
  const sendDeadLetter = deadLetterQueue(queueUrl, { endpoint: server.url, region: 'us-east-1', credentials })
  const handler = indexer({ sql, s3, sendDeadLetter, maxReceives: 5 })
  return {
    s3,
    server,
    sendDeadLetter,
    async put(Key, Metadata) {
      await s3.send(new PutObjectCommand({ Bucket: 'docs', Key, Body: 'x', Metadata }))
      return server.events.messages(1000).at(-1)?.body ?? ''
    },
    index: (bodies, receives) => handler(sqsEvent(bodies, receives)),
    keys: async () => (await objectsInCatalog(sql, 'docs')).map(({ key }) => String(key)),
    dead: () =>
      server.deadLetters.messages(1000).map(({ body, attributes }) => ({
        body: JSON.parse(body),
        reason: attributes.Reason?.StringValue,
        messageId: attributes.MessageId?.StringValue,
      })),
    async [Symbol.asyncDispose]() {
      s3.destroy()
      await server.close()
    },
  }
}

/** The record of the only event in a notification, with these fields replaced. */
export function recordOf(body: string, changes: object = {}): S3EventRecord {
  return { ...JSON.parse(body).Records[0], ...changes }
}

/** The body of a notification with these records. */
export function bodyOf(...records: object[]): string {
  return JSON.stringify({ Records: records })
}
