import { lazyS3 } from '../../functions/runtime/lazy-s3.ts'
import type { Client } from '../../shared/database/connection.ts'
import { connect } from '../../shared/database/connection.ts'
import { DATABASE_ROLES } from '../../shared/database/roles.ts'
import { databaseTest } from '../support/postgres/database.ts'
import { makeBucket, type TestS3, testS3 } from '../support/s3/bucket.ts'
import { type Ask, testApi } from './api-client.ts'

/** An API with the rights of its role, and an S3 that has the buckets `docs` (versioned), `plain` (never versioned) and `suspended`. */
export const apiStageTest = databaseTest.extend<{ bucket: TestS3; role: Client; ask: Ask }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures a fixture needs
  bucket: async ({}, use) => {
    await using bucket = await testS3()
    await makeBucket(bucket.s3, 'docs', 'Enabled')
    await makeBucket(bucket.s3, 'plain', 'never')
    await makeBucket(bucket.s3, 'suspended', 'Suspended')
    await use(bucket)
  },
  role: async ({ database }, use) => {
    const sql = connect({ url: database.url, role: DATABASE_ROLES.api, max: 4 })
    await use(sql)
    await sql.end({ timeout: 5 })
  },
  ask: async ({ role, bucket }, use) => {
    const credentials = { accessKeyId: 'catalog', secretAccessKey: 'catalog-secret' }
    const s3 = lazyS3({ endpoint: bucket.server.url, region: 'us-east-1', forcePathStyle: true, credentials })
    const api = await testApi(role, { s3, defaultBucket: 'docs' })
    await use(api.ask)
    await api.close()
  },
})
