import { connect, connectionFromEnvironment } from '../shared/database/connection.ts'
import { functionEnvironment } from './clients/environment.ts'
import { lazyS3 } from './clients/lazy-s3.ts'
import { apiHandler } from './http/handler.ts'

const { CATALOG_BUCKET, CATALOG_S3_PATH_STYLE } = functionEnvironment<'api'>(['CATALOG_BUCKET', 'CATALOG_S3_PATH_STYLE'])

/** Lambda behind API Gateway (REST, proxy integration): every operation of the route table. */
export const handler = apiHandler({
  sql: connect(connectionFromEnvironment()),
  s3: lazyS3({ forcePathStyle: CATALOG_S3_PATH_STYLE }),
  defaultBucket: CATALOG_BUCKET,
})
