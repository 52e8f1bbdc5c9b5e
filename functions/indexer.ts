import type { SQSBatchResponse, SQSEvent } from 'aws-lambda'
import { connect, connectionFromEnvironment } from '../shared/database/connection.ts'
import { measuring } from './clients/metrics.ts'
import { deadLetterQueue } from './queue/dead-letter.ts'

const { DEAD_LETTER_QUEUE_URL, MAX_RECEIVES = '5', S3_FORCE_PATH_STYLE, AWS_LAMBDA_FUNCTION_NAME } = process.env

const sql = connect(connectionFromEnvironment())

let index: ReturnType<typeof open> | undefined

/** Lambda behind the queue of a bucket's events (SQS event source mapping with ReportBatchItemFailures). */
export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  index ??= open()
  return (await index)(event)
}

/** S3's client is two thirds of a cold start. */
async function open() {
  const [{ s3Client }, { indexer }] = await Promise.all([import('./clients/s3-client.ts'), import('./queue/index-batch.ts')])
  return indexer({
    sql,
    s3: s3Client({ maxAttempts: 5, forcePathStyle: S3_FORCE_PATH_STYLE === 'true' }),
    sendDeadLetter: deadLetterQueue(DEAD_LETTER_QUEUE_URL),
    maxReceives: Number(MAX_RECEIVES),
    measure: measuring(AWS_LAMBDA_FUNCTION_NAME),
  })
}

// Without waiting for the first batch, which needs it anyway.
setImmediate(() => {
  index ??= open()
})
