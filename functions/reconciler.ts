import { S3Client } from '@aws-sdk/client-s3'
import { connect, connectionFromEnvironment } from '../shared/database/connection.ts'
import { refreshPeriod } from '../shared/refresh-period.ts'
import { reconciler } from './jobs/reconcile.ts'
import { functionEnvironment } from './runtime/environment.ts'
import { invokeAsync } from './runtime/invoke-async.ts'
import { metricsLog } from './runtime/metrics.ts'

const environment = functionEnvironment<'reconciler'>([
  'CATALOG_BUCKET',
  'CATALOG_RECONCILE_HOURS',
  'CATALOG_REFRESH_DAYS',
  'CATALOG_S3_PATH_STYLE',
])
const { AWS_LAMBDA_FUNCTION_NAME, CATALOG_BUCKET, CATALOG_RECONCILE_HOURS, CATALOG_REFRESH_DAYS, CATALOG_S3_PATH_STYLE } =
  environment

/** Lambda on an EventBridge rule, after each deployment, and by hand with `{ bucket, prefix?, dryRun? }` or `{ runId }`: compares the bucket with the catalog and repairs the catalog. */
export const handler = reconciler({
  sql: connect(connectionFromEnvironment()),
  s3: new S3Client({ maxAttempts: 5, forcePathStyle: CATALOG_S3_PATH_STYLE }),
  bucket: CATALOG_BUCKET,
  refreshHours: refreshPeriod({ days: CATALOG_REFRESH_DAYS, hoursBetweenRuns: CATALOG_RECONCILE_HOURS }),
  continueLater: AWS_LAMBDA_FUNCTION_NAME ? event => invokeAsync(AWS_LAMBDA_FUNCTION_NAME, event) : undefined,
  measure: metricsLog(AWS_LAMBDA_FUNCTION_NAME),
})
