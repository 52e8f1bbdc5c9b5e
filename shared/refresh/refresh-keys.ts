import type { S3Client } from '@aws-sdk/client-s3'
import pMap from 'p-map'
import { type CatalogedVersion, differsFromListing, listCatalogVersions } from '../catalog/list-all-versions.ts'
import { type ConfirmedLatest, type Observation, verified } from '../catalog/observations.ts'
import type { Sql } from '../database/connection.ts'
import { databaseTime } from '../database/time.ts'
import type { ListedVersion } from '../listing.ts'
import type { KeyName } from '../names.ts'
import { listKeyVersions } from '../s3/key-versions.ts'
import { S3_CONCURRENCY } from '../s3/requests.ts'
import { listedMarker, observeVersion } from './observe-version.ts'
import { type KeyFailure, resolveLatest } from './resolve-latest.ts'
import { writeObservations } from './write-observations.ts'

/** Versions of one key that are fetched: an indexer has no time for more. The others are found by the next reconcile. */
const MOST_FETCHED = 1000

/** Observations per statement, at least; one key more at most. */
const BATCH_SIZE = 1000

/**
 * Makes keys in the catalog what they are in S3, whatever has happened to them: lists their versions, fetches the details of those that may have
 * changed, and removes those that are not listed. Returns the keys that failed; the others are written.
 */
export async function refreshKeys(sql: Sql, s3: S3Client, keys: KeyName[]): Promise<KeyFailure[]> {
  if (keys.length === 0) return []
  const asOf = await databaseTime(sql)
  const found: FoundKey[] = []
  const failures: KeyFailure[] = []
  await pMap(
    keys,
    async key => {
      try {
        found.push(await observeKey(sql, s3, key))
      } catch (error) {
        failures.push({ key, error })
      }
    },
    { concurrency: S3_CONCURRENCY },
  )
  for (const batch of inBatches(found)) {
    const written = await writeObservations(sql, asOf, {
      observed: batch.flatMap(({ observed }) => observed),
      confirmedLatest: batch.map(({ latest }) => latest),
    })
    failures.push(...written.failures, ...(await resolveLatest(sql, s3, written.undecided)))
  }
  return failures
}

type FoundKey = { observed: Observation[]; latest: ConfirmedLatest }

function inBatches(found: FoundKey[]): FoundKey[][] {
  const batches: FoundKey[][] = []
  let size = Number.POSITIVE_INFINITY
  for (const key of found) {
    if (size >= BATCH_SIZE) batches.push([])
    size = (size >= BATCH_SIZE ? 0 : size) + key.observed.length
    batches.at(-1)?.push(key)
  }
  return batches
}

async function observeKey(sql: Sql, s3: S3Client, { bucket, key }: KeyName): Promise<FoundKey> {
  // Before the listing: what is in the catalog then and not in the listing has been deleted.
  const { value: first } = await listCatalogVersions(sql, { bucket, prefix: key, pageSize: 100 }).next()
  const known = typeof first === 'object' && first.key === key ? first.versions : []
  const listed = await listKeyVersions(s3, { bucket, key })
  const inBucket = new Set(listed.map(({ versionId }) => versionId))
  // `null` also where the catalog does not have it: an older response that has it may be written later, and must find a tombstone.
  const gone = new Set(['null', ...known.map(({ versionId }) => versionId)].filter(versionId => !inBucket.has(versionId)))
  // The newest first, as they are listed.
  const changed = listed.filter(version => mayHaveChanged(version, known)).slice(0, MOST_FETCHED)
  const observe = (version: ListedVersion) => {
    const name = { bucket, key, versionId: version.versionId }
    return version.isDeleteMarker ? listedMarker(name, version) : observeVersion(s3, name, version)
  }
  const present = await pMap(changed, observe, { concurrency: S3_CONCURRENCY })
  return {
    observed: [...present, ...[...gone].map(versionId => verified({ bucket, key, versionId }, { state: 'gone' }))],
    latest: { bucket, key, versionId: listed.find(({ isLatest }) => isLatest)?.versionId ?? null },
  }
}

/** Metadata and tags are in no listing. Those of the latest version and of `null`, which may have been written again, change with such hints. */
function mayHaveChanged(version: ListedVersion, known: CatalogedVersion[]): boolean {
  const cataloged = known.find(({ versionId }) => versionId === version.versionId)
  return !cataloged || differsFromListing(version, cataloged) || version.isLatest || version.versionId === 'null'
}
