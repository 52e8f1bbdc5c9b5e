import { connect, connectionFromEnvironment } from '../shared/database/connection.ts'
import { apiHandler } from './http/handler.ts'
import { functionEnvironment } from './runtime/environment.ts'
import { invokeAsync } from './runtime/invoke-async.ts'
import { lazyS3 } from './runtime/lazy-s3.ts'

const { CATALOG_BUCKET, CATALOG_RECONCILER_FUNCTION, CATALOG_S3_PATH_STYLE } = functionEnvironment<'api'>([
  'CATALOG_BUCKET',
  'CATALOG_S3_PATH_STYLE',
  'CATALOG_RECONCILER_FUNCTION',
])

/** Lambda behind API Gateway (REST, proxy integration): every operation of the route table. */
export const handler = apiHandler({
  sql: connect(connectionFromEnvironment()),
  s3: lazyS3({ forcePathStyle: CATALOG_S3_PATH_STYLE }),
  startRun: runId => invokeAsync(CATALOG_RECONCILER_FUNCTION, { runId }),
  defaultBucket: CATALOG_BUCKET,
})
