import { S3Client } from '@aws-sdk/client-s3'
import { connect, connectionFromEnvironment } from '../shared/database/connection.ts'
import { reconciler } from './jobs/reconcile.ts'
import { functionEnvironment } from './runtime/environment.ts'
import { invokeAsync } from './runtime/invoke-async.ts'
import { metricsLog } from './runtime/metrics.ts'

const { AWS_LAMBDA_FUNCTION_NAME, CATALOG_BUCKET, CATALOG_S3_PATH_STYLE } = functionEnvironment<'reconciler'>([
  'CATALOG_BUCKET',
  'CATALOG_S3_PATH_STYLE',
])

/** Lambda on an EventBridge rule, after each deployment, and by hand with `{ bucket, prefix?, dryRun? }` or `{ runId }`: compares the bucket with the catalog and repairs the catalog. */
export const handler = reconciler({
  sql: connect(connectionFromEnvironment()),
  s3: new S3Client({ maxAttempts: 5, forcePathStyle: CATALOG_S3_PATH_STYLE }),
  bucket: CATALOG_BUCKET,
  continueLater: AWS_LAMBDA_FUNCTION_NAME ? event => invokeAsync(AWS_LAMBDA_FUNCTION_NAME, event) : undefined,
  measure: metricsLog(AWS_LAMBDA_FUNCTION_NAME),
})
