import { isS3BucketName } from '../../../shared/names.ts'
import { DEFAULT_REGION } from '../../aws-account.ts'
import { S3Error } from '../errors.ts'
import type { Store } from './store.ts'
import type { Bucket } from './types.ts'

/**
 * Creates a bucket, without versioning unless given. If it exists already, nothing changes in us-east-1, and in any other region
 * it is BucketAlreadyOwnedByYou, as in S3.
 */
export function createBucket(
  store: Store,
  name: string,
  { region = DEFAULT_REGION, versioning }: { region?: string; versioning?: 'Enabled' | 'Suspended' } = {},
): Bucket {
  if (!isS3BucketName(name)) throw new S3Error('InvalidBucketName', { details: { BucketName: name } })
  const created = store.sql.run`
    insert into bucket (name, region, created_at) values (${name}, ${region}, ${store.now()}) on conflict do nothing`
  const bucket = findBucket(store, name)
  if (created.changes === 0 && (region !== DEFAULT_REGION || bucket.region !== DEFAULT_REGION)) {
    throw new S3Error('BucketAlreadyOwnedByYou', { details: { BucketName: name } })
  }
  if (!versioning) return bucket
  setVersioning(store, name, versioning)
  return { ...bucket, versioning }
}

/** The bucket of that name, or NoSuchBucket. */
export function findBucket(store: Store, name: string): Bucket {
  const row = store.sql.get`select * from bucket where name = ${name}` as BucketRow | undefined
  if (!row) throw new S3Error('NoSuchBucket', { details: { BucketName: name } })
  return toBucket(row)
}

/** All buckets, ordered by name. */
export function allBuckets(store: Store): Bucket[] {
  return (store.sql.all`select * from bucket order by name` as BucketRow[]).map(toBucket)
}

/** Deletes an empty bucket and its unfinished uploads. Versions and delete markers count as content (BucketNotEmpty). */
export function deleteBucket(store: Store, name: string): void {
  findBucket(store, name)
  store.transaction(() => {
    if (store.sql.get`select 1 from version where bucket = ${name} limit 1`) {
      throw new S3Error('BucketNotEmpty', { details: { BucketName: name } })
    }
    const parts = store.sql.all`
      select part.body from part join upload on upload.id = part.upload where upload.bucket = ${name}` as { body: string }[]
    store.releaseBodies(parts.map(part => part.body))
    store.sql.run`delete from upload where bucket = ${name}`
    store.sql.run`delete from bucket where name = ${name}`
  })
}

/** Enables or suspends versioning. Existing versions do not change. */
export function setVersioning(store: Store, name: string, versioning: 'Enabled' | 'Suspended'): void {
  findBucket(store, name)
  store.sql.run`update bucket set versioning = ${versioning} where name = ${name}`
}

type BucketRow = { name: string; region: string; versioning: Bucket['versioning']; created_at: number }

function toBucket(row: BucketRow): Bucket {
  return { name: row.name, region: row.region, versioning: row.versioning, createdAt: row.created_at }
}
