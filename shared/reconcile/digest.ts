import { hash } from 'node:crypto'
import type { S3Client } from '@aws-sdk/client-s3'
import type { Sql } from '../database/connection.ts'
import { type ListedVersion, listBucketVersions, listCatalogVersions } from '../s3/list-versions.ts'

/** How many versions and delete markers there are, and one hash (64 hexadecimal digits) of all of them, whatever their order. */
export type Digest = { count: number; hash: string }

/** The digest of what S3 lists: key, version id, whether it is the latest and a marker, size and entity tag. A request per thousand. */
export async function digestBucket(s3: S3Client, { bucket, prefix = '' }: { bucket: string; prefix?: string }): Promise<Digest> {
  return digest(listBucketVersions(s3, { bucket, prefix, now: async () => '' }))
}

/** The same of the catalog: equal when the catalog holds what the bucket does. */
export async function digestCatalog(sql: Sql, { bucket, prefix = '' }: { bucket: string; prefix?: string }): Promise<Digest> {
  return digest(listCatalogVersions(sql, { bucket, prefix }))
}

async function digest(keys: AsyncIterable<{ key: string; versions: ListedVersion[] }>): Promise<Digest> {
  let count = 0
  const sum = new Uint32Array(8)
  for await (const { key, versions } of keys) {
    count += versions.length
    for (const { versionId, isLatest, isDeleteMarker, size, etag } of versions) {
      const own = hash('sha256', JSON.stringify([key, versionId, isLatest, isDeleteMarker, size, etag]), 'buffer')
      // A sum, because it doesn't depend on the order, and no two of its terms can cancel out.
      for (let lane = 0; lane < sum.length; lane++) sum[lane]! += own.readUInt32LE(lane * 4)
    }
  }
  return { count, hash: Buffer.from(sum.buffer).toString('hex') }
}
