import { hash } from 'node:crypto'
import type { S3Client } from '@aws-sdk/client-s3'
import pMap from 'p-map'
import type { CatalogedVersion } from '../catalog/list-all-versions.ts'
import type { Observation } from '../catalog/observations.ts'
import type { Sql } from '../database/connection.ts'
import { jsonParameter } from '../database/json-parameter.ts'
import { toStoredKey, toStoredTextOrNull, toStoredValues } from '../database/stored-text.ts'
import { databaseTime } from '../database/time.ts'
import { observeVersion } from '../refresh/observe-version.ts'
import { type KeyFailure, resolveLatest } from '../refresh/resolve-latest.ts'
import { writeObservations } from '../refresh/write-observations.ts'
import { S3_CONCURRENCY } from '../s3/requests.ts'
import type { Difference } from './drift.ts'
import type { KeyPair } from './pairs.ts'
import { BATCH_SIZE } from './repair.ts'
import { throwIfGeneral } from './unsettled.ts'

/** A version without differences, as far as the listing shows. */
export type EqualVersion = { pair: KeyPair; versionId: string }

/** Which of these versions S3 is asked about: those that are due after `refreshHours`, and a share (0 to 1) of the others. */
export type Asking = { refreshHours: number; sampleRate: number; random: () => number }

/** What S3 returned about versions: those whose details differ in the catalog, all others as of the time before the requests, and errors. */
export type Asked = { differing: EqualVersion[]; asOf: string; equal: Observation[]; failures: KeyFailure[] }

/** The versions of a key without differences that S3 is to be asked about, because a listing has no metadata and no tags. Delete markers have neither. */
export function versionsToAsk(
  pair: KeyPair,
  differences: Difference[],
  { refreshHours, sampleRate, random }: Asking,
): EqualVersion[] {
  const differing = new Set(differences.map(({ versionId }) => versionId))
  const now = Date.parse(pair.catalogedAt) / 1000
  return listedAndCataloged(pair)
    .filter(version => !differing.has(version.versionId))
    .filter(version => isDue(pair, version, refreshHours * 3600, now) || (sampleRate > 0 && random() < sampleRate))
    .map(({ versionId }) => ({ pair, versionId }))
}

/** The longest time, in seconds, since S3 was asked about a version of a key, when the catalog was read. 0 if there is none. */
export function longestAge(pair: KeyPair): number {
  const now = Date.parse(pair.catalogedAt) / 1000
  return listedAndCataloged(pair).reduce((longest, { observedAt }) => Math.max(longest, now - (observedAt ?? now)), 0)
}

/** Asks S3 about versions. */
export async function askAgain(sql: Sql, s3: S3Client, bucket: string, versions: EqualVersion[]): Promise<Asked> {
  if (versions.length === 0) return { differing: [], asOf: '', equal: [], failures: [] }
  const asOf = await databaseTime(sql)
  const asked: { version: EqualVersion; observation: Observation }[] = []
  const failures: KeyFailure[] = []
  await pMap(
    versions,
    async version => {
      const { key, listed } = version.pair
      const known = listed?.versions.find(one => one.versionId === version.versionId)
      try {
        const observation = await observeVersion(s3, { bucket, key, versionId: version.versionId }, known)
        asked.push({ version, observation })
      } catch (error) {
        failures.push({ key: { bucket, key }, error })
      }
    },
    { concurrency: S3_CONCURRENCY },
  )
  throwIfGeneral(failures, versions.length)
  const observed = asked.map(({ observation }) => observation)
  const differing = new Set<number>()
  for (let n = 0; n < observed.length; n += BATCH_SIZE)
    for (const m of await differsInDetails(sql, observed.slice(n, n + BATCH_SIZE))) differing.add(n + m)
  return {
    differing: asked.filter((_, n) => differing.has(n)).map(({ version }) => version),
    asOf,
    // The event of a version that was deleted since the listing is on its way.
    equal: observed.filter(({ state }, n) => state === 'present' && !differing.has(n)),
    failures,
  }
}

/** Writes that S3 was asked about versions, and what it returned. Returns the keys that failed. */
export async function recordAsked(sql: Sql, s3: S3Client, { asOf, equal }: Asked): Promise<KeyFailure[]> {
  const failures: KeyFailure[] = []
  for (let n = 0; n < equal.length; n += BATCH_SIZE) {
    const written = await writeObservations(sql, asOf, { observed: equal.slice(n, n + BATCH_SIZE) })
    failures.push(...written.failures, ...(await resolveLatest(sql, s3, written.undecided)))
  }
  return failures
}

function listedAndCataloged({ listed, cataloged }: KeyPair): CatalogedVersion[] {
  const inBucket = new Set(listed?.versions.map(({ versionId }) => versionId))
  return (cataloged?.versions ?? []).filter(version => !version.isDeleteMarker && inBucket.has(version.versionId))
}

/**
 * Whether one of the version's own moments lies between the last request and `now`, both in seconds. The moments of a version are `period`
 * seconds apart, and a hash of its name says where in the period: so the versions of a backfill, all asked within an hour, are spread over
 * the whole period, without an index and without anything to remember.
 */
function isDue({ key }: KeyPair, { versionId, observedAt }: CatalogedVersion, period: number, now: number): boolean {
  if (observedAt === null || now - observedAt >= period) return true
  const phase = (hash('sha1', `${key}\0${versionId}`, 'buffer').readUInt32BE() / 2 ** 32) * period
  return Math.floor((now - phase) / period) > Math.floor((observedAt - phase) / period)
}

/** Indexes of the observed versions whose details differ in the catalog. A version deleted since has no details. */
async function differsInDetails(sql: Sql, observed: Observation[]): Promise<number[]> {
  const details = observed.map(({ bucket, key, versionId, state, contentType, metadata, tags }) => ({
    bucket,
    key: toStoredKey(key),
    version_id: versionId,
    state,
    content_type: toStoredTextOrNull(contentType),
    metadata: metadata && toStoredValues(metadata),
    tags: tags && toStoredValues(tags),
  }))
  const rows = await sql<{ n: number }[]>`
    select o.n
    from jsonb_array_elements(${jsonParameter(sql, details)}) with ordinality as o (details, n)
    join catalog.storage_versions v
      on v.bucket = o.details ->> 'bucket' and v.key = o.details ->> 'key' and v.version_id = o.details ->> 'version_id'
    where o.details ->> 'state' = 'present'
      and (
        v.content_type is distinct from o.details ->> 'content_type'
        or v.metadata <> coalesce(o.details -> 'metadata', '{}')
        or v.tags <> coalesce(o.details -> 'tags', '{}')
      )
    order by o.n
  `
  return rows.map(({ n }) => n - 1)
}
