import { driftOf } from '../../shared/catalog/reconcile-runs.ts'
import type { Digest } from '../../shared/catalog/run-results.ts'
import type { RunKind } from '../../shared/names.ts'
import { ApiError } from '../connect/get-json.ts'
import { npxCommand } from '../connect/target.ts'
import { describeDifferences } from '../reconcile/differences.ts'
import { followRuns, type RunSettings, startRuns } from '../reconcile/follow.ts'
import type { Run } from '../reconcile/progress.ts'
import { CliError } from '../terminal/cli-error.ts'
import { formatCount, logLine } from '../terminal/print.ts'
import { type Check, type CheckContext, CheckFailed, CheckSkipped } from './check.ts'

/** Compares the whole bucket with the catalog, after all other checks. */
export const equalityChecks: Check[] = [{ name: 'catalog equals bucket', needs: ['API', 'bucket'], run: checkEquality }]

async function checkEquality(context: CheckContext): Promise<string> {
  const { graceSeconds } = context
  if (graceSeconds === undefined) throw new CheckSkipped('not compared, because of --no-compare')
  const { result } = await work(context, { kind: 'digest', fresh: true })
  if (!result) throw new CliError('The run ended without its digests: run verify again')
  const { bucket, catalog } = result
  const both = `bucket ${formatDigest(bucket)}, catalog ${formatDigest(catalog)}`
  if (bucket.hash === catalog.hash && bucket.count === catalog.count) return both
  if (graceSeconds > 0) logLine(`The digests differ: waiting up to ${graceSeconds} s for changes that are on their way`)
  const run = await work(context, { kind: 'reconcile', dryRun: true, fresh: true })
  const drift = driftOf(run.findings)
  if (drift === 0) return `${both}: they differ only in recent changes`
  throw new CheckFailed(
    `${formatCount(drift, 'difference')}: ${both}; repair with ${npxCommand('reconcile', context.flags)}`,
    await describeDifferences(context.target, context.flags, run),
  )
}

/** Starts a run about the whole bucket and waits until it is finished. */
async function work<Kind extends RunKind>(
  { target, flags, graceSeconds }: CheckContext,
  settings: RunSettings<Kind>,
): Promise<Run<Kind>> {
  try {
    const [run] = await followRuns(target, flags, await startRuns(target, { grace: graceSeconds }, settings), 0)
    return run!
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) throw new CheckSkipped(`not compared: ${error.message}`)
    throw error
  }
}

/** Sixteen digits are enough for a reader to tell two digests apart. */
function formatDigest({ count: versions, hash }: Digest): string {
  return `${hash.slice(0, 16)} (${formatCount(versions, 'version')})`
}
