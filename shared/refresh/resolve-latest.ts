import type { S3Client } from '@aws-sdk/client-s3'
import pMap from 'p-map'
import { applyObservations, type ConfirmedLatest, type Observation } from '../catalog/observations.ts'
import type { Sql } from '../database/connection.ts'
import { databaseTime } from '../database/time.ts'
import type { KeyName } from '../names.ts'
import { fetchLatestVersion } from '../s3/key-versions.ts'
import { S3_CONCURRENCY } from '../s3/requests.ts'
import { listedMarker, observeVersion } from './observe-version.ts'

/** How often a key whose latest version changes meanwhile is tried again. */
const ROUNDS = 5

/** A key for which S3 returned an error. */
export type KeyFailure = { key: KeyName; error: unknown }

/** Fetches the latest version of each key from S3 and writes it. Returns the keys that failed; the others are written. */
export async function resolveLatest(sql: Sql, s3: S3Client, keys: KeyName[]): Promise<KeyFailure[]> {
  const failures: KeyFailure[] = []
  let open = keys
  for (let round = 0; open.length > 0; round++) {
    if (round === ROUNDS) {
      const error = new Error('The latest version changes faster than it can be fetched')
      return [...failures, ...open.map(key => ({ key, error }))]
    }
    const asOf = await databaseTime(sql)
    const fetched = await fetchLatest(s3, open)
    failures.push(...fetched.failures)
    open = await applyObservations(sql, asOf, fetched)
  }
  return failures
}

type Fetched = { confirmedLatest: ConfirmedLatest[]; observed: Observation[]; failures: KeyFailure[] }

/** Fetches the latest version of each key with its details. A key that has no version is confirmed as null. */
async function fetchLatest(s3: S3Client, keys: KeyName[]): Promise<Fetched> {
  const fetched: Fetched = { confirmedLatest: [], observed: [], failures: [] }
  await pMap(
    keys,
    async key => {
      try {
        const { confirmed, observed } = await fetchLatestOfKey(s3, key)
        fetched.confirmedLatest.push(confirmed)
        if (observed) fetched.observed.push(observed)
      } catch (error) {
        fetched.failures.push({ key, error })
      }
    },
    { concurrency: S3_CONCURRENCY },
  )
  return fetched
}

async function fetchLatestOfKey(
  s3: S3Client,
  { bucket, key }: KeyName,
): Promise<{ confirmed: ConfirmedLatest; observed?: Observation }> {
  for (let round = 0; round < ROUNDS; round++) {
    const latest = await fetchLatestVersion(s3, { bucket, key })
    if (latest === null) return { confirmed: { bucket, key, versionId: null } }
    const version = { bucket, key, versionId: latest.versionId }
    if (latest.isDeleteMarker) return { confirmed: version, observed: listedMarker(version, latest) }
    const observed = await observeVersion(s3, version, latest)
    // The version may have been deleted since it was listed.
    if (observed.state !== 'gone') return { confirmed: version, observed }
  }
  throw new Error(`The latest version of ${key} is deleted faster than it can be fetched`)
}
