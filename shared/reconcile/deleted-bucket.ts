import { listCatalogVersions } from '../catalog/list-all-versions.ts'
import { applyObservations, verified } from '../catalog/observations.ts'
import type { ReconcileRun } from '../catalog/reconcile-runs.ts'
import { databaseTime } from '../database/time.ts'
import { Invalid } from '../errors.ts'
import type { VersionName } from '../names.ts'
import { type KeyFailure, resolveLatest } from '../refresh/resolve-latest.ts'
import { bucketExists } from '../s3/bucket-exists.ts'
import type { FinishedChunk, Plan } from './chunks.ts'
import { BATCH_SIZE } from './repair.ts'

/** A run about a bucket that S3 no longer has. `homeBucket` is the bucket that the installation is configured for. */
export type DeletedBucketPlan = Pick<Plan, 'sql' | 's3' | 'graceSeconds' | 'clock' | 'shouldStop'> & {
  run: Pick<ReconcileRun, 'bucket' | 'prefix' | 'isDryRun' | 'checkpoint' | 'options'>
  homeBucket?: string
}

/**
 * Removes the versions of a bucket that S3 no longer has from the catalog, in the order of keys, after the checkpoint of the run; a dry run
 * only counts them. First S3 must say twice, the grace period apart, that the bucket does not exist, and it must be the right S3: either the
 * caller has confirmed that the bucket was deleted (the option `bucketDeleted`), or this is not the configured bucket, and that one exists.
 * Returns whether it reached the last key: `shouldStop` ends it early. Throws Invalid when the bucket exists or the deletion must be confirmed,
 * and `listingError` when the catalog never knew the bucket.
 */
export async function* removeDeletedBucket(
  plan: DeletedBucketPlan,
  listingError: unknown,
): AsyncGenerator<FinishedChunk, boolean> {
  const { sql, run, shouldStop } = plan
  const range = { bucket: run.bucket, prefix: run.prefix, after: run.checkpoint ?? undefined }
  const first = await listCatalogVersions(sql, { ...range, pageSize: 1 }).next()
  if (first.done && run.checkpoint === null) throw listingError
  await confirmDeleted(plan)
  if (!(await graceIsOver(plan))) return false
  // Before S3 is asked: what is written into a bucket that is created later is newer.
  const asOf = await databaseTime(sql)
  await confirmDeleted(plan)

  let gone: VersionName[] = []
  let last = ''
  const finish = async () => {
    const failures = run.isDryRun ? [] : await remove(plan, asOf, gone)
    const differences = gone.map(({ key, versionId }) => ({ key, versionId, kind: 'orphaned' as const }))
    gone = []
    const count = differences.length
    const findings = { orphaned: count, repaired: run.isDryRun ? 0 : count, unsettled: failures.length }
    return { findings, differences, failures, last }
  }
  for await (const { key, versions } of listCatalogVersions(sql, range)) {
    const before = versions.filter(({ observedAt }) => (observedAt ?? 0) * 1000 <= Date.parse(asOf))
    gone.push(...before.map(({ versionId }) => ({ bucket: run.bucket, key, versionId })))
    last = key
    if (gone.length < BATCH_SIZE && !shouldStop()) continue
    yield await finish()
    if (shouldStop()) return false
  }
  if (last !== '') yield await finish()
  return true
}

async function confirmDeleted({ s3, run: { bucket, options }, homeBucket }: DeletedBucketPlan): Promise<void> {
  if (await bucketExists(s3, bucket)) throw new Invalid(`Bucket ${bucket} was created again: start the run again`)
  if (options.bucketDeleted) return
  if (homeBucket !== undefined && homeBucket !== bucket && (await bucketExists(s3, homeBucket))) return
  throw new Invalid(
    `Bucket ${bucket} does not exist, and nothing was changed. Check the endpoint, the account and the name of the bucket. If it was deleted on ` +
      'purpose, confirm that with bucketDeleted (npx catalog reconcile --bucket-deleted): its versions are then removed from the catalog',
  )
}

/** Waits for the grace period; false when the run must stop before. */
async function graceIsOver({ graceSeconds, clock, shouldStop }: DeletedBucketPlan): Promise<boolean> {
  const dueAt = clock.now() + graceSeconds * 1000
  while (clock.now() < dueAt && !shouldStop()) await clock.sleep(Math.min(500, dueAt - clock.now()))
  return clock.now() >= dueAt
}

/** Returns the keys that failed. */
async function remove({ sql, s3 }: DeletedBucketPlan, asOf: string, gone: VersionName[]): Promise<KeyFailure[]> {
  const observed = gone.map(version => verified(version, { state: 'gone' }))
  const keys = new Map(gone.map(({ bucket, key }) => [key, { bucket, key, versionId: null }]))
  const undecided = await applyObservations(sql, asOf, { observed, confirmedLatest: [...keys.values()] })
  return resolveLatest(sql, s3, undecided)
}
