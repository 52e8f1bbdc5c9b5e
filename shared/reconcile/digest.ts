import { hash } from 'node:crypto'
import type { S3Client } from '@aws-sdk/client-s3'
import { listCatalogVersions } from '../catalog/list-all-versions.ts'
import type { Sql } from '../database/connection.ts'
import type { ListedKey } from '../listing.ts'
import { listBucketVersions } from '../s3/list-versions.ts'

/** The number of versions and delete markers, and one hash (64 hexadecimal digits) of all of them, independent of their order. */
export type Digest = { count: number; hash: string }

/** The digest of a bucket: key, version id, latest, delete marker, size and entity tag of each version. One request per thousand. */
export async function digestBucket(s3: S3Client, { bucket, prefix = '' }: { bucket: string; prefix?: string }): Promise<Digest> {
  return digest(listBucketVersions(s3, { bucket, prefix, now: async () => '' }))
}

/** The same digest of the catalog: equal when the catalog holds what the bucket does. */
export async function digestCatalog(sql: Sql, { bucket, prefix = '' }: { bucket: string; prefix?: string }): Promise<Digest> {
  return digest(listCatalogVersions(sql, { bucket, prefix }))
}

/** A digest under construction: add the versions of each key once. */
export type DigestSum = { add(keyVersions: Pick<ListedKey, 'key' | 'versions'>): void; digest(): Digest }

/** Starts a digest, or continues one. */
export function startDigest({ count, hash: sum }: Digest = { count: 0, hash: '' }): DigestSum {
  const lanes = new Uint32Array(8)
  lanes.set(new Uint32Array(Uint8Array.from(Buffer.from(sum, 'hex')).buffer))
  let versionsSoFar = count
  return {
    add({ key, versions }) {
      versionsSoFar += versions.length
      for (const { versionId, isLatest, isDeleteMarker, size, etag } of versions) {
        const own = hash('sha256', JSON.stringify([key, versionId, isLatest, isDeleteMarker, size, etag]), 'buffer')
        // A sum does not depend on the order, and unlike with XOR equal terms do not cancel out.
        for (let lane = 0; lane < lanes.length; lane++) lanes[lane]! += own.readUInt32LE(lane * 4)
      }
    },
    digest: () => ({ count: versionsSoFar, hash: Buffer.from(lanes.buffer).toString('hex') }),
  }
}

async function digest(keys: AsyncIterable<ListedKey>): Promise<Digest> {
  const sum = startDigest()
  for await (const key of keys) sum.add(key)
  return sum.digest()
}
