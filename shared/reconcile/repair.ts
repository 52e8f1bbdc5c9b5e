import type { S3Client } from '@aws-sdk/client-s3'
import pMap from 'p-map'
import { applyObservations, type ConfirmedLatest, type Observation } from '../catalog/observations.ts'
import type { Sql } from '../database/connection.ts'
import { observeVersion } from '../observe/observe-version.ts'
import { resolveLatest } from '../observe/resolve-latest.ts'
import type { Difference, DriftKind } from './drift.ts'
import type { KeyPair } from './pairs.ts'

/** Questions to S3 at once. */
export const LOOKS_AT_ONCE = 32

/** Observations that one statement writes; ten times as many gain nothing. */
const BATCH = 1000

/** A key with what differs. */
export type DifferingKey = KeyPair & { differences: Difference[] }

/** How many differences of each kind are drift. */
export type DriftCounts = Partial<Record<DriftKind, number>>

/**
 * Asks S3 about the differing versions, counts those that it confirms, and writes its answers as events are written: as of the time
 * before the bucket was listed, so that whatever changed since is newer and stays. A dry run asks only where the listing can't tell.
 */
export async function repair(
  sql: Sql,
  s3: S3Client,
  { bucket, isDryRun }: { bucket: string; isDryRun: boolean },
  items: DifferingKey[],
): Promise<DriftCounts> {
  const asked = await pMap(
    items.flatMap(item => item.differences.map(difference => ({ item, difference }))),
    async ({ item, difference }) => {
      const isTold = isDryRun && difference.trust !== 'ask'
      return { difference, observation: isTold ? undefined : await observeVersion(s3, bucket, item, difference.versionId) }
    },
    { concurrency: LOOKS_AT_ONCE },
  )
  const confirmed = asked.filter(({ difference, observation }) => isConfirmed(difference, observation))
  const counts = Object.groupBy(confirmed, ({ difference }) => difference.kind)
  const observed = asked.flatMap(({ observation }) => observation ?? [])
  if (!isDryRun && observed.length > 0) await write(sql, s3, bucket, items, observed)
  return Object.fromEntries(Object.entries(counts).map(([kind, found]) => [kind, found.length]))
}

/** What came or went since the listing is no drift. */
function isConfirmed({ kind }: Difference, observation: Observation | undefined): boolean {
  return observation === undefined || (kind === 'orphaned') === (observation.state === 'gone')
}

async function write(sql: Sql, s3: S3Client, bucket: string, items: DifferingKey[], observed: Observation[]): Promise<void> {
  // Of all the keys the earliest: everything here was asked for after it.
  const asOf = items.map(({ listedAt }) => listedAt).sort()[0] ?? ''
  const byKey = Map.groupBy(observed, ({ key }) => key)
  const isSteady = (item: DifferingKey) => !(byKey.get(item.key) ?? []).some(one => hasChanged(item, one))
  const looks = new Map(items.filter(isSteady).map(item => [item.key, latestOf(bucket, item)]))
  const open = new Set(items.map(({ key }) => key).filter(key => !looks.has(key)))
  for (let n = 0; n < observed.length; n += BATCH) {
    const batch = observed.slice(n, n + BATCH)
    const looked = [...new Set(batch.map(({ key }) => key))].flatMap(key => looks.get(key) ?? [])
    for (const { key } of await applyObservations(sql, asOf, { observed: batch, confirmedLatest: looked })) open.add(key)
  }
  await resolveLatest(
    sql,
    s3,
    [...open].map(key => ({ bucket, key })),
  )
}

/** Whether S3 answers otherwise than its listing did: what the listing said of the latest version is old then, too. */
function hasChanged({ listed }: KeyPair, { versionId, state }: Observation): boolean {
  const isListed = listed?.versions.some(version => version.versionId === versionId) ?? false
  return (state !== 'gone') !== isListed
}

function latestOf(bucket: string, { key, listed }: KeyPair): ConfirmedLatest {
  const latest = listed?.versions.find(({ isLatest }) => isLatest)
  return { bucket, key, versionId: latest?.versionId ?? null }
}
