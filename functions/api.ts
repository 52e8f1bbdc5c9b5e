import { connect, connectionFromEnvironment } from '../shared/database/connection.ts'
import { functionEnvironment } from './clients/environment.ts'
import { invokeAsync } from './clients/invoke-async.ts'
import { lazyS3 } from './clients/lazy-s3.ts'
import { apiHandler } from './http/handler.ts'

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
