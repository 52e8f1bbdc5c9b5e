import { connect, connectionFromEnvironment } from '../shared/database/connection.ts'
import { lazyS3 } from './clients/lazy-s3.ts'
import { apiHandler } from './http/handler.ts'

const { CATALOG_BUCKET, CATALOG_MAX_BODY = '1048576', S3_FORCE_PATH_STYLE } = process.env

/** Lambda behind API Gateway (REST, proxy integration): every operation of the route table. */
export const handler = apiHandler({
  sql: connect(connectionFromEnvironment()),
  s3: lazyS3({ forcePathStyle: S3_FORCE_PATH_STYLE === 'true' }),
  defaultBucket: CATALOG_BUCKET || undefined,
  maxBodyBytes: Number(CATALOG_MAX_BODY),
})
