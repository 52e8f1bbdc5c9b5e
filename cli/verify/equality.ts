import { driftOf, openRun } from '../../shared/catalog/reconcile-runs.ts'
import { Conflict } from '../../shared/errors.ts'
import { type Digest, digestBucket, digestCatalog } from '../../shared/reconcile/digest.ts'
import { reconcile } from '../../shared/reconcile/reconcile.ts'
import { npx } from '../connect/where.ts'
import { Failure } from '../terminal/failure.ts'
import { count, note } from '../terminal/print.ts'
import { type Check, LeftOut, type Visit } from './visit.ts'

/** The whole bucket against the catalog, when everything that the other checks did is over. */
export const equalityChecks: Check[] = [{ name: 'catalog equals bucket', needs: ['bucket'], run: isEqual }]

async function isEqual(visit: Visit): Promise<string> {
  const { sql, bucket, graceSeconds } = visit
  if (graceSeconds === undefined) throw new LeftOut('not compared, as --no-compare says')
  if (!sql) throw new LeftOut('could not compare: nobody said where the database is: DATABASE_URL')
  const [inBucket, inCatalog] = await Promise.all([
    digestBucket(bucket.s3, { bucket: bucket.name }),
    digestCatalog(sql, { bucket: bucket.name }),
  ])
  const both = `bucket ${told(inBucket)}, catalog ${told(inCatalog)}`
  if (inBucket.hash === inCatalog.hash && inBucket.count === inCatalog.count) return both
  const drift = await lastingDrift(visit, graceSeconds)
  if (drift === 0) return `${both}: other only in what changed meanwhile`
  throw new Failure(`${count(drift, 'difference')}: ${both}; repair with ${npx('reconcile', visit.flags)}`)
}

/** What differs for longer than an event may be on its way. */
async function lastingDrift({ sql, bucket }: Visit, graceSeconds: number): Promise<number> {
  if (graceSeconds > 0) note(`The digests differ: looking for up to ${graceSeconds} s whether it is only what changes right now`)
  try {
    const run = await openRun(sql!, { bucket: bucket.name, isDryRun: true }, true)
    return driftOf((await reconcile(sql!, bucket.s3, run, { graceSeconds })).findings)
  } catch (error) {
    if (error instanceof Conflict) throw new LeftOut(`could not compare: ${error.message}`)
    throw error
  }
}

/** Sixteen digits tell two states apart as well as all of them do for a reader. */
function told({ count: versions, hash }: Digest): string {
  return `${hash.slice(0, 16)} (${count(versions, 'version')})`
}
