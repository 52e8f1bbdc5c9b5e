import { S3Client } from '@aws-sdk/client-s3'
import { connect, connectionFromEnvironment } from '../shared/database/connection.ts'
import { invokingLater } from './clients/invoke-later.ts'
import { measuring } from './clients/metrics.ts'
import { reconciler } from './jobs/reconcile.ts'
import { readScopes } from './jobs/reconcile-event.ts'

const {
  CATALOG_BUCKETS = '',
  RECONCILE_REQUESTS_PER_SECOND = '500',
  RECONCILE_SAMPLE_RATE = '0',
  AWS_LAMBDA_FUNCTION_NAME,
} = process.env

/** Lambda on an EventBridge rule, after each deploy, and by hand with `{ bucket, prefix?, dryRun?, runId? }`: compares buckets with the catalog and repairs it. */
export const handler = reconciler({
  sql: connect(connectionFromEnvironment()),
  s3: new S3Client({ maxAttempts: 5, forcePathStyle: process.env.S3_FORCE_PATH_STYLE === 'true' }),
  scopes: readScopes(CATALOG_BUCKETS),
  requestsPerSecond: Number(RECONCILE_REQUESTS_PER_SECOND),
  sampleRate: Number(RECONCILE_SAMPLE_RATE),
  invokeLater: invokingLater(AWS_LAMBDA_FUNCTION_NAME),
  measure: measuring(AWS_LAMBDA_FUNCTION_NAME),
})
