import type { UnsettledKey } from '../catalog/run-results.ts'
import type { KeyFailure } from '../refresh/resolve-latest.ts'
import { isTransient } from '../s3/paced-client.ts'
import { isNoSuchBucket } from '../s3/requests.ts'

/** How many keys a run names. */
const MOST_NAMED = 20

/** From this many requests on, all of which fail, it is no longer about single keys: credentials or permissions are lost. */
const TOO_MANY = 20

/**
 * Throws an error that is not about one key: of the network or of S3 itself (after minutes of retries), a missing bucket, or the first one
 * when all of many requests failed.
 */
export function throwIfGeneral(failures: KeyFailure[], requests: number): void {
  const general = failures.find(({ error }) => isTransient(error) || isNoSuchBucket(error))
  if (general) throw general.error
  if (failures.length >= TOO_MANY && failures.length === requests) throw failures[0]?.error
}

/** The keys that a run names, with those of `failures` that it does not name yet. */
export function nameUnsettled(named: UnsettledKey[], failures: KeyFailure[]): UnsettledKey[] {
  const more = failures.map(({ key, error }) => ({
    key: key.key,
    reason: error instanceof Error ? error.message : String(error),
  }))
  return [...new Map([...more, ...named].map(one => [one.key, one])).values()].slice(-MOST_NAMED)
}

/** The first failure of each key. */
export function distinctKeys(failures: KeyFailure[]): KeyFailure[] {
  return [...new Map(failures.toReversed().map(failure => [failure.key.key, failure])).values()]
}
