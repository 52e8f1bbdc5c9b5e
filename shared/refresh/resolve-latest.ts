import type { S3Client } from '@aws-sdk/client-s3'
import pMap from 'p-map'
import { applyObservations, type ConfirmedLatest, type Observation, readKnownLatest } from '../catalog/observations.ts'
import type { Sql } from '../database/connection.ts'
import { Conflict } from '../errors.ts'
import { type KeyName, keyId } from '../names.ts'
import { fetchLatestVersionId, headVersion } from '../s3/head-version.ts'
import { S3_CONCURRENCY } from '../s3/requests.ts'

/** How often a key whose latest version changes meanwhile is tried again. */
const ROUNDS = 5

/** A key for which S3 returned an error. */
export type KeyFailure = { key: KeyName; error: unknown }

/** Fetches the latest version of each key from S3 and writes it. Throws the first error of S3; the other keys are written. */
export async function resolveLatest(sql: Sql, s3: S3Client, keys: KeyName[]): Promise<void> {
  const [failure] = await resolveLatestEach(sql, s3, keys)
  if (failure) throw failure.error
}

/** The same, but returns the keys that failed. */
export async function resolveLatestEach(sql: Sql, s3: S3Client, keys: KeyName[]): Promise<KeyFailure[]> {
  const failures: KeyFailure[] = []
  let open = keys
  for (let round = 0; open.length > 0; round++) {
    if (round === ROUNDS) {
      const error = new Conflict('The latest version changes faster than it can be fetched')
      return [...failures, ...open.map(key => ({ key, error }))]
    }
    const { asOf } = await readKnownLatest(sql, open)
    const fetched = await fetchLatest(s3, open, [])
    failures.push(...fetched.failures)
    open = await applyObservations(sql, asOf, fetched)
  }
  return failures
}

/**
 * Fetches the latest version of each key. Returns it with its observation: `observed` with those versions added, and without the keys
 * that failed.
 */
export async function fetchLatest(
  s3: S3Client,
  keys: KeyName[],
  observed: Observation[],
): Promise<{ confirmedLatest: ConfirmedLatest[]; observed: Observation[]; failures: KeyFailure[] }> {
  const byKey = Map.groupBy(observed, keyId)
  const failures: KeyFailure[] = []
  const fetched = await pMap(
    keys,
    async key => {
      try {
        return [await fetchLatestOfKey(s3, key, byKey.get(keyId(key)) ?? [])]
      } catch (error) {
        failures.push({ key, error })
        return []
      }
    },
    { concurrency: S3_CONCURRENCY },
  )
  const latest = fetched.flat()
  const added = new Map(latest.flatMap(({ added }) => (added ? [[keyId(added), added]] : [])))
  const failed = new Set(failures.map(({ key }) => keyId(key)))
  const kept = observed.filter(o => added.get(keyId(o))?.versionId !== o.versionId && !failed.has(keyId(o)))
  return { confirmedLatest: latest.map(({ confirmed }) => confirmed), observed: [...kept, ...added.values()], failures }
}

async function fetchLatestOfKey(
  s3: S3Client,
  { bucket, key }: KeyName,
  observed: Observation[],
): Promise<{ confirmed: ConfirmedLatest; added?: Observation }> {
  for (let round = 0; round < ROUNDS; round++) {
    const versionId = await fetchLatestVersionId(s3, { bucket, key })
    const confirmed = { bucket, key, versionId }
    const known = observed.find(o => o.versionId === versionId)
    if (versionId === null || (known && known.state !== 'gone')) return { confirmed }
    const version = { bucket, key, versionId }
    const state = await headVersion(s3, version)
    // The version may have been deleted since it was listed.
    if (state.state === 'gone') continue
    return { confirmed, added: { claimsLatest: false, sequencer: '', ...known, ...state, ...version, isVerified: true } }
  }
  throw new Conflict(`The latest version of ${key} is deleted faster than it can be fetched`)
}
