import type { S3Client } from '@aws-sdk/client-s3'
import pMap from 'p-map'
import { applyObservations, verified } from '../catalog/observations.ts'
import type { Sql } from '../database/connection.ts'
import { jsonParameter } from '../database/json-parameter.ts'
import { fromStoredKey, toStoredKey } from '../database/stored-text.ts'
import { databaseTime } from '../database/time.ts'
import { Conflict, NotFound } from '../errors.ts'
import type { VersionName } from '../names.ts'
import { headVersion } from '../s3/head-version.ts'
import { S3_CONCURRENCY } from '../s3/requests.ts'
import { askS3 } from './ask-s3.ts'

/** Which versions to take back: one, all of a key, or all of a bucket. */
export type ForgetScope = { bucket: string; key?: string; versionId?: string }

/** Versions that can be taken back; `isRest` when there are more. `asOf` is from before S3 was asked. */
export type Forgettable = { versions: (VersionName & { backend: string })[]; isRest: boolean; asOf: string }

/** Versions of one request. */
const MAX_VERSIONS = 1000

/**
 * Finds up to 1,000 versions to take back. Throws NotFound when there are none, and Conflict when S3 has one of them or does not say so: what
 * S3 has is deleted there, or it would come back with the next reconcile.
 */
export async function findForgettable(sql: Sql, s3: () => Promise<S3Client>, scope: ForgetScope): Promise<Forgettable> {
  const { bucket, key, versionId } = scope
  const asOf = await databaseTime(sql)
  const rows = await sql<{ key: string; versionId: string; backend: string }[]>`
    select v.key, v.version_id as "versionId", v.storage_backend as backend
    from catalog.storage_versions v
    where v.bucket = ${bucket}
      ${key === undefined ? sql`` : sql`and v.key = ${toStoredKey(key)}`}
      ${versionId === undefined ? sql`` : sql`and v.version_id = ${versionId}`}
    order by v.bucket, v.key, v.version_id
    limit ${MAX_VERSIONS + 1}
  `
  if (rows.length === 0) throw new NotFound(`The catalog has no such version in bucket ${bucket}`)
  const versions = rows.slice(0, MAX_VERSIONS).map(row => ({ ...row, bucket, key: fromStoredKey(row.key) }))
  const inS3 = versions.filter(({ backend }) => backend === 's3')
  if (inS3.length > 0) await assertGone(await s3(), inS3)
  return { versions, isRest: rows.length > MAX_VERSIONS, asOf }
}

/** Removes versions from the catalog, in the transaction `sql`. Of a key of another backend the newest version that is left becomes the latest. */
export async function forgetVersions(sql: Sql, bucket: string, { versions, asOf }: Forgettable): Promise<void> {
  const names = versions.map(({ key, versionId }) => ({ key: toStoredKey(key), version_id: versionId }))
  await sql`select catalog.forget_versions(${bucket}, ${jsonParameter(sql, names)})`
  // As the indexer deletes them, so that a late event does not restore them.
  const gone = versions.filter(({ backend }) => backend === 's3')
  if (gone.length === 0) return
  await applyObservations(sql, asOf, {
    observed: gone.map(({ bucket, key, versionId }) => verified({ bucket, key, versionId }, { state: 'gone' })),
  })
}

async function assertGone(s3: S3Client, versions: VersionName[]): Promise<void> {
  const gone = await pMap(versions, version => isGone(s3, version), { concurrency: S3_CONCURRENCY })
  const kept = versions[gone.indexOf(false)]
  if (kept) throw new Conflict(`S3 has version ${kept.versionId} of ${kept.key} in bucket ${kept.bucket}: delete it there`)
}

async function isGone(s3: S3Client, version: VersionName): Promise<boolean> {
  try {
    return (await headVersion(s3, version)).state === 'gone'
  } catch (error) {
    // The SDK itself refuses a name that no bucket can have.
    if (error instanceof Error && error.name === 'InvalidBucketName') return true
    return askS3(Promise.reject(error))
  }
}
