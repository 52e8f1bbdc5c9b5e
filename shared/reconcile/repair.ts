import type { S3Client } from '@aws-sdk/client-s3'
import pMap from 'p-map'
import type { RecordedDifference } from '../catalog/differences.ts'
import { applyObservations, type ConfirmedLatest, type Observation } from '../catalog/observations.ts'
import type { Sql } from '../database/connection.ts'
import { observeVersion } from '../refresh/observe-version.ts'
import { resolveLatest } from '../refresh/resolve-latest.ts'
import { S3_CONCURRENCY } from '../s3/requests.ts'
import type { Difference } from './drift.ts'
import type { KeyPair } from './pairs.ts'

/** Observations per statement; ten times as many gain nothing. */
const BATCH_SIZE = 1000

/** A key with its differences. */
export type DifferingKey = KeyPair & { differences: Difference[] }

/**
 * Asks S3 about the differing versions, returns the confirmed differences and writes the responses as events are written: as of the time
 * before the bucket was listed, so that later changes are newer and win. A dry run asks only where the listing is not enough.
 */
export async function repair(
  sql: Sql,
  s3: S3Client,
  { bucket, isDryRun }: { bucket: string; isDryRun: boolean },
  items: DifferingKey[],
): Promise<RecordedDifference[]> {
  const asked = await pMap(
    items.flatMap(item => item.differences.map(difference => ({ item, difference }))),
    async ({ item, difference }) => {
      const { trust, versionId } = difference
      if (isDryRun && trust !== 'ask') return { item, difference }
      const listed = item.listed?.versions.find(version => version.versionId === versionId)
      return { item, difference, observation: await observeVersion(s3, { bucket, key: item.key, versionId }, listed) }
    },
    { concurrency: S3_CONCURRENCY },
  )
  const confirmed = asked.filter(({ difference, observation }) => isConfirmed(difference, observation))
  const observed = asked.flatMap(({ observation }) => observation ?? [])
  if (!isDryRun && observed.length > 0) await write(sql, s3, bucket, items, observed)
  return confirmed.map(({ item: { key }, difference: { versionId, kind } }) => ({ key, versionId, kind }))
}

/** A version that was created or deleted since the listing is not drift. */
function isConfirmed({ kind }: Difference, observation: Observation | undefined): boolean {
  return observation === undefined || (kind === 'orphaned') === (observation.state === 'gone')
}

async function write(sql: Sql, s3: S3Client, bucket: string, items: DifferingKey[], observed: Observation[]): Promise<void> {
  // The earliest time of all keys: every request was sent after it.
  const asOf = items.map(({ listedAt }) => listedAt).sort()[0] ?? ''
  const byKey = Map.groupBy(observed, ({ key }) => key)
  const isUnchanged = (item: DifferingKey) => !(byKey.get(item.key) ?? []).some(one => hasChanged(item, one))
  const latest = new Map(items.filter(isUnchanged).map(item => [item.key, latestOf(bucket, item)]))
  const open = new Set(items.map(({ key }) => key).filter(key => !latest.has(key)))
  for (let n = 0; n < observed.length; n += BATCH_SIZE) {
    const batch = observed.slice(n, n + BATCH_SIZE)
    const confirmedLatest = [...new Set(batch.map(({ key }) => key))].flatMap(key => latest.get(key) ?? [])
    for (const { key } of await applyObservations(sql, asOf, { observed: batch, confirmedLatest })) open.add(key)
  }
  await resolveLatest(
    sql,
    s3,
    [...open].map(key => ({ bucket, key })),
  )
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
