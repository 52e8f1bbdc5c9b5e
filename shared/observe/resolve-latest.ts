import type { S3Client } from '@aws-sdk/client-s3'
import pMap from 'p-map'
import {
  applyObservations,
  type ConfirmedLatest,
  type KeyName,
  keyId,
  type Observation,
  readKnownLatest,
} from '../catalog/observations.ts'
import type { Sql } from '../database/connection.ts'
import { Conflict } from '../errors.ts'
import { fetchLatestVersionId, headVersion } from '../s3/head-version.ts'

const LOOKS_AT_ONCE = 32

/** How often a key whose latest version changes while it is looked at is looked at again. */
const ROUNDS = 5

/** A key that could not be looked at, and why. */
export type KeyFailure = { key: KeyName; error: unknown }

/** Looks at keys afresh and writes which version S3 says is the latest. Throws when S3 can't be asked about one of them; the others are written. */
export async function resolveLatest(sql: Sql, s3: S3Client, keys: KeyName[]): Promise<void> {
  const [failure] = await resolveLatestEach(sql, s3, keys)
  if (failure) throw failure.error
}

/** The same, answering the keys that failed. */
export async function resolveLatestEach(sql: Sql, s3: S3Client, keys: KeyName[]): Promise<KeyFailure[]> {
  const failures: KeyFailure[] = []
  let open = keys
  for (let round = 0; open.length > 0; round++) {
    if (round === ROUNDS) {
      const error = new Conflict('The latest version changes faster than it can be looked at')
      return [...failures, ...open.map(key => ({ key, error }))]
    }
    const { asOf } = await readKnownLatest(sql, open)
    const looks = await fetchLatest(s3, open, [])
    failures.push(...looks.failures)
    open = await applyObservations(sql, asOf, looks)
  }
  return failures
}

/**
 * Asks S3 for the latest version of each key. Answers them, and the observations with those versions among them; without
 * those of the keys that S3 could not be asked about.
 */
export async function fetchLatest(
  s3: S3Client,
  keys: KeyName[],
  observed: Observation[],
): Promise<{ confirmedLatest: ConfirmedLatest[]; observed: Observation[]; failures: KeyFailure[] }> {
  const byKey = Map.groupBy(observed, keyId)
  const failures: KeyFailure[] = []
  const found = await pMap(
    keys,
    async key => {
      try {
        return [await fetchLatestOfKey(s3, key, byKey.get(keyId(key)) ?? [])]
      } catch (error) {
        failures.push({ key, error })
        return []
      }
    },
    { concurrency: LOOKS_AT_ONCE },
  )
  const added = new Map(found.flat().flatMap(({ added }) => (added ? [[keyId(added), added]] : [])))
  const failed = new Set(failures.map(({ key }) => keyId(key)))
  const kept = observed.filter(o => added.get(keyId(o))?.versionId !== o.versionId && !failed.has(keyId(o)))
  return {
    confirmedLatest: found.flat().map(({ confirmedLatest: looked }) => looked),
    observed: [...kept, ...added.values()],
    failures,
  }
}

async function fetchLatestOfKey(
  s3: S3Client,
  key: KeyName,
  observed: Observation[],
): Promise<{ confirmedLatest: ConfirmedLatest; added?: Observation }> {
  for (let round = 0; round < ROUNDS; round++) {
    const versionId = await fetchLatestVersionId(s3, key)
    const looked = { bucket: key.bucket, key: key.key, versionId }
    const known = observed.find(o => o.versionId === versionId)
    if (versionId === null || (known && known.state !== 'gone')) return { confirmedLatest: looked }
    const state = await headVersion(s3, { ...looked, versionId })
    const added = {
      bucket: key.bucket,
      key: key.key,
      claimsLatest: false,
      sequencer: '',
      ...known,
      ...state,
      versionId,
      isVerified: true,
    }
    if (state.state !== 'gone') return { confirmedLatest: looked, added }
  }
  throw new Conflict(`The latest version of ${key.key} is deleted faster than it can be looked at`)
}
