import type { S3Client } from '@aws-sdk/client-s3'
import { listCatalogVersions } from '../../../shared/catalog/list-all-versions.ts'
import type { Digest } from '../../../shared/catalog/run-results.ts'
import type { Sql } from '../../../shared/database/connection.ts'
import type { ListedKey } from '../../../shared/listing.ts'
import { startDigest } from '../../../shared/reconcile/digest.ts'
import { listBucketVersions } from '../../../shared/s3/list-versions.ts'

/** The digest of a whole bucket. */
export async function digestBucket(s3: S3Client, { bucket }: { bucket: string }): Promise<Digest> {
  return digest(listBucketVersions(s3, { bucket, prefix: '', now: async () => '' }))
}

/** The digest of what the catalog has of a bucket. */
export async function digestCatalog(sql: Sql, { bucket }: { bucket: string }): Promise<Digest> {
  return digest(listCatalogVersions(sql, { bucket, prefix: '' }))
}

async function digest(keys: AsyncIterable<ListedKey>): Promise<Digest> {
  const sum = startDigest()
  for await (const key of keys) sum.add(key)
  return sum.digest()
}
