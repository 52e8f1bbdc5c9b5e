import type { S3Client } from '@aws-sdk/client-s3'
import pMap from 'p-map'
import type { RecordedDifference } from '../catalog/differences.ts'
import type { ConfirmedLatest, Observation } from '../catalog/observations.ts'
import type { Sql } from '../database/connection.ts'
import { listedMarker, observeMarker, observeVersion } from '../refresh/observe-version.ts'
import { type KeyFailure, resolveLatest } from '../refresh/resolve-latest.ts'
import { writeObservations } from '../refresh/write-observations.ts'
import { S3_CONCURRENCY } from '../s3/requests.ts'
import { type Difference, isAsCataloged } from './drift.ts'
import type { KeyPair } from './pairs.ts'
import { throwIfGeneral } from './unsettled.ts'

/** Observations per statement; ten times as many gain nothing. */
export const BATCH_SIZE = 1000

/** A key with its differences. */
export type DifferingKey = KeyPair & { differences: Difference[] }

/**
 * The drift that a repair found, how much of it is repaired, the number of versions whose listing and HEAD disagree in S3, and the keys that could
 * not be settled.
 */
export type Repair = { differences: RecordedDifference[]; repaired: number; disagreeing: number; failures: KeyFailure[] }

/** A difference with what S3 returned about its version; undefined where a dry run does not ask. */
type Asked = { item: DifferingKey; difference: Difference; observation?: Observation }

/**
 * Asks S3 about the differing versions, returns the confirmed differences and writes the responses as events are written: as of the time
 * before the bucket was listed, so that later changes are newer and win. A dry run asks only where the listing is not enough. A key
 * about which S3 or Postgres returns an error is left as it is.
 */
export async function repair(
  sql: Sql,
  s3: S3Client,
  { bucket, isDryRun }: { bucket: string; isDryRun: boolean },
  items: DifferingKey[],
): Promise<Repair> {
  const asked: Asked[] = []
  const failures: KeyFailure[] = []
  const differing = items.flatMap(item => item.differences.map(difference => ({ item, difference })))
  await pMap(
    differing,
    async ({ item, difference }) => {
      if (isDryRun && !needsAnswer(difference)) return asked.push({ item, difference })
      try {
        return asked.push({ item, difference, observation: await observe(s3, bucket, item, difference) })
      } catch (error) {
        return failures.push({ key: { bucket, key: item.key }, error })
      }
    },
    { concurrency: S3_CONCURRENCY },
  )
  throwIfGeneral(failures, differing.length)

  const disagreeing = asked.filter(isDisagreement)
  const confirmed = asked.filter(one => isConfirmed(one) && !disagreeing.includes(one))
  const observed = asked.flatMap(({ observation }) => observation ?? [])
  if (!isDryRun && observed.length > 0) failures.push(...(await write(sql, s3, bucket, items, observed)))
  const failed = new Set(failures.map(({ key }) => key.key))
  return {
    differences: confirmed.map(({ item: { key }, difference: { versionId, kind } }) => ({ key, versionId, kind })),
    repaired: isDryRun ? 0 : confirmed.filter(({ item }) => !failed.has(item.key)).length,
    disagreeing: disagreeing.length,
    failures,
  }
}

/** Whether the listing is not enough to tell that a difference is drift: the version may be deleted, or its HEAD agree with the catalog. */
function needsAnswer({ kind, trust }: Difference): boolean {
  return trust === 'ask' || kind === 'stale'
}

async function observe(s3: S3Client, bucket: string, item: DifferingKey, { versionId, trust }: Difference): Promise<Observation> {
  const version = { bucket, key: item.key, versionId }
  const listed = item.listed?.versions.find(one => one.versionId === versionId)
  const known = listed ?? item.cataloged?.versions.find(one => one.versionId === versionId)
  if (!known?.isDeleteMarker) return observeVersion(s3, version, listed)
  return listed && trust !== 'ask' ? listedMarker(version, listed) : observeMarker(s3, version)
}

/** A version that was created or deleted since the listing is not drift. */
function isConfirmed({ difference: { kind }, observation }: Asked): boolean {
  return observation === undefined || (kind === 'orphaned') === (observation.state === 'gone')
}

/** Whether S3 returns what the catalog has, although its listing differs: no repair can remove that. */
function isDisagreement({ item, difference, observation }: Asked): boolean {
  const known = item.cataloged?.versions.find(({ versionId }) => versionId === difference.versionId)
  return difference.kind === 'stale' && known !== undefined && observation !== undefined && isAsCataloged(observation, known)
}

async function write(
  sql: Sql,
  s3: S3Client,
  bucket: string,
  items: DifferingKey[],
  observed: Observation[],
): Promise<KeyFailure[]> {
  // The earliest time of all keys: every request was sent after it.
  const asOf = items.map(({ listedAt }) => listedAt).sort()[0] ?? ''
  const byKey = Map.groupBy(observed, ({ key }) => key)
  const isUnchanged = (item: DifferingKey) => !(byKey.get(item.key) ?? []).some(one => hasChanged(item, one))
  const latest = new Map(items.filter(isUnchanged).map(item => [item.key, latestOf(bucket, item)]))
  const open = new Set([...byKey.keys()].filter(key => !latest.has(key)))
  const failures: KeyFailure[] = []
  for (let n = 0; n < observed.length; n += BATCH_SIZE) {
    const batch = observed.slice(n, n + BATCH_SIZE)
    const confirmedLatest = [...new Set(batch.map(({ key }) => key))].flatMap(key => latest.get(key) ?? [])
    const written = await writeObservations(sql, asOf, { observed: batch, confirmedLatest })
    for (const { key } of written.undecided) open.add(key)
    failures.push(...written.failures)
  }
  for (const { key } of failures) open.delete(key.key)
  const unresolved = await resolveLatest(
    sql,
    s3,
    [...open].map(key => ({ bucket, key })),
  )
  throwIfGeneral(unresolved, open.size)
  return [...failures, ...unresolved]
}

/** Whether a response disagrees with the listing: then the listing is outdated about the latest version as well. */
function hasChanged({ listed }: KeyPair, { versionId, state }: Observation): boolean {
  const isListed = listed?.versions.some(version => version.versionId === versionId) ?? false
  return (state !== 'gone') !== isListed
}

function latestOf(bucket: string, { key, listed }: KeyPair): ConfirmedLatest {
  const latest = listed?.versions.find(({ isLatest }) => isLatest)
  return { bucket, key, versionId: latest?.versionId ?? null }
}
