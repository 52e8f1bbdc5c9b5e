import { S3Client } from '@aws-sdk/client-s3'
import { connect, connectionFromEnvironment } from '../shared/connection.ts'
import { deadLetterQueue } from './edge/dead-letter.ts'
import { indexer } from './edge/index-batch.ts'
import { measuring } from './edge/metrics.ts'

const { DEAD_LETTER_QUEUE_URL, MAX_RECEIVES = '5', AWS_LAMBDA_FUNCTION_NAME } = process.env

/** Lambda behind the queue of a bucket's events (SQS event source mapping with ReportBatchItemFailures). */
export const handler = indexer({
  sql: connect(connectionFromEnvironment()),
  s3: new S3Client({ maxAttempts: 5, forcePathStyle: process.env.S3_FORCE_PATH_STYLE === 'true' }),
  sendDeadLetter: deadLetterQueue(DEAD_LETTER_QUEUE_URL),
  maxReceives: Number(MAX_RECEIVES),
  measure: measuring(AWS_LAMBDA_FUNCTION_NAME),
})
