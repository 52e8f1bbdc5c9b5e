import type { SQSBatchResponse, SQSEvent } from 'aws-lambda'
import { connect, connectionFromEnvironment } from '../shared/database/connection.ts'
import { MAX_RECEIVES } from '../shared/functions.ts'
import { deadLetterQueue } from './queue/dead-letter.ts'
import { functionEnvironment } from './runtime/environment.ts'
import { metricsLog } from './runtime/metrics.ts'

const { AWS_LAMBDA_FUNCTION_NAME, CATALOG_DEAD_LETTER_QUEUE_URL, CATALOG_S3_PATH_STYLE } = functionEnvironment<'indexer'>([
  'CATALOG_DEAD_LETTER_QUEUE_URL',
  'CATALOG_S3_PATH_STYLE',
])

const sql = connect(connectionFromEnvironment())

let index: ReturnType<typeof open> | undefined

/** Lambda on the queue of the bucket's events (SQS event source mapping with ReportBatchItemFailures). */
export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  index ??= open()
  return (await index)(event)
}

/** Loads S3's client, which is two thirds of a cold start. */
async function open() {
  const [{ s3Client }, { indexer }] = await Promise.all([import('./runtime/s3-client.ts'), import('./queue/index-batch.ts')])
  return indexer({
    sql,
    s3: s3Client({ maxAttempts: 5, forcePathStyle: CATALOG_S3_PATH_STYLE }),
    sendDeadLetter: deadLetterQueue(CATALOG_DEAD_LETTER_QUEUE_URL),
    maxReceives: MAX_RECEIVES,
    measure: metricsLog(AWS_LAMBDA_FUNCTION_NAME),
  })
}

// Does not wait for the first batch, which needs it anyway.
setImmediate(() => {
  index ??= open()
})
