import { driftOf, openRun } from '../../shared/catalog/reconcile-runs.ts'
import { Conflict } from '../../shared/errors.ts'
import { type Digest, digestBucket, digestCatalog } from '../../shared/reconcile/digest.ts'
import { reconcile } from '../../shared/reconcile/reconcile.ts'
import { npxCommand } from '../connect/target.ts'
import { CliError } from '../terminal/cli-error.ts'
import { formatCount, logLine } from '../terminal/print.ts'
import { type Check, type CheckContext, CheckSkipped } from './check.ts'

/** The whole bucket against the catalog, when everything that the other checks did is over. */
export const equalityChecks: Check[] = [{ name: 'catalog equals bucket', needs: ['bucket'], run: checkEquality }]

async function checkEquality(context: CheckContext): Promise<string> {
  const { sql, bucket, graceSeconds } = context
  if (graceSeconds === undefined) throw new CheckSkipped('not compared, as --no-compare says')
  if (!sql) throw new CheckSkipped('could not compare: nobody said where the database is: DATABASE_URL')
  const [inBucket, inCatalog] = await Promise.all([
    digestBucket(bucket.s3, { bucket: bucket.name }),
    digestCatalog(sql, { bucket: bucket.name }),
  ])
  const both = `bucket ${formatDigest(inBucket)}, catalog ${formatDigest(inCatalog)}`
  if (inBucket.hash === inCatalog.hash && inBucket.count === inCatalog.count) return both
  const drift = await findDrift(context, graceSeconds)
  if (drift === 0) return `${both}: other only in what changed meanwhile`
  throw new CliError(`${formatCount(drift, 'difference')}: ${both}; repair with ${npxCommand('reconcile', context.flags)}`)
}

/** What differs for longer than an event may be on its way. */
async function findDrift({ sql, bucket }: CheckContext, graceSeconds: number): Promise<number> {
  if (graceSeconds > 0)
    logLine(`The digests differ: looking for up to ${graceSeconds} s whether it is only what changes right now`)
  try {
    const run = await openRun(sql!, { bucket: bucket.name, isDryRun: true }, true)
    return driftOf((await reconcile(sql!, bucket.s3, run, { graceSeconds })).findings)
  } catch (error) {
    if (error instanceof Conflict) throw new CheckSkipped(`could not compare: ${error.message}`)
    throw error
  }
}

/** Sixteen digits tell two states apart as well as all of them do for a reader. */
function formatDigest({ count: versions, hash }: Digest): string {
  return `${hash.slice(0, 16)} (${formatCount(versions, 'version')})`
}
