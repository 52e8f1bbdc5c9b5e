import { HeadObjectCommand, type S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import pMap from 'p-map'
import { type CatalogedVersion, comparedColumns } from '../../catalog/list-all-versions.ts'
import type { ConfirmedLatest, Observation } from '../../catalog/observations.ts'
import { emptyFindings, type Findings } from '../../catalog/reconcile-runs.ts'
import type { Sql } from '../../database/connection.ts'
import { toStoredKey } from '../../database/stored-text.ts'
import { databaseTime } from '../../database/time.ts'
import { REQUEST_RATE } from '../../limits.ts'
import { observeMarker, observeVersion } from '../../refresh/observe-version.ts'
import { type KeyFailure, resolveLatest } from '../../refresh/resolve-latest.ts'
import { writeObservations } from '../../refresh/write-observations.ts'
import type { InventoryRow } from '../../s3/inventory-files.ts'
import { fetchLatestVersion } from '../../s3/key-versions.ts'
import { type Pacing, pacedClient } from '../../s3/paced-client.ts'
import { S3_CONCURRENCY } from '../../s3/requests.ts'
import { type Difference, differencesOf } from '../drift.ts'
import type { KeyPair } from '../pairs.ts'
import { distinctKeys, throwIfGeneral } from '../unsettled.ts'

/** Which rows of a report are indexed, and how fast. */
export type InventoryBackfill<Row extends InventoryRow = InventoryRow> = Pick<Pacing, 'clock' | 'random'> & {
  bucket: string
  prefix?: string
  requestsPerSecond?: number
  /** The findings of an earlier part of the same report. */
  findings?: Findings
  /** Called with the keys that could not be settled. */
  onFailures?: (failures: KeyFailure[]) => void
  /** Called after each batch of rows with the last row that was read. */
  onProgress?: (findings: Findings, last: Row) => unknown
  /** Called after each batch of rows; true stops. Another backfill skips what this one has written. */
  shouldStop?: () => boolean
}

/** Rows that are indexed together. */
const BATCH_SIZE = 1000

/** Rows read between two calls of `onProgress`, at most: a prefix may have few rows of a long report. */
const READ_SIZE = 10_000

/**
 * Indexes the versions of an S3 Inventory report that the catalog lacks or has with differences. The report is old, so it is only a hint:
 * S3 is asked for each such version and for the latest one of its key, and only its responses are written. Versions that are missing in
 * the report are left to a reconcile. Returns the findings; `versions` counts rows.
 */
export async function backfillFromInventory<Row extends InventoryRow>(
  sql: Sql,
  s3: S3Client,
  rows: AsyncIterable<Row>,
  {
    bucket,
    prefix = '',
    requestsPerSecond = REQUEST_RATE.default,
    findings: before,
    onFailures,
    onProgress,
    shouldStop,
    ...pacing
  }: InventoryBackfill<Row>,
): Promise<Findings> {
  const findings = { ...(before ?? emptyFindings()) }
  const paced = pacedClient(s3, { requestsPerSecond, onRequest: () => findings.requests++, ...pacing })
  let batch: Row[] = []
  let read = 0
  let last: Row | undefined
  const flush = async () => {
    const failures = await ingestRows(sql, paced, bucket, batch, findings)
    findings.unsettled += failures.length
    onFailures?.(failures)
    findings.versions += batch.length
    if (last) await onProgress?.(findings, last)
    batch = []
    read = 0
  }
  for await (const row of rows) {
    last = row
    read++
    if (row.bucket === bucket && row.key.startsWith(prefix)) batch.push(row)
    if (batch.length < BATCH_SIZE && read < READ_SIZE) continue
    await flush()
    if (shouldStop?.()) return findings
  }
  await flush()
  return findings
}

/** Returns the keys that could not be settled; they are left as they are. */
async function ingestRows(
  sql: Sql,
  s3: S3Client,
  bucket: string,
  rows: InventoryRow[],
  findings: Findings,
): Promise<KeyFailure[]> {
  const asOf = await databaseTime(sql)
  const differing = await differingRows(sql, bucket, asOf, rows)
  const failures: KeyFailure[] = []
  const observed: { difference: Difference; observation: Observation }[] = []
  const confirmedLatest: ConfirmedLatest[] = []
  const ask = async (key: string, request: () => Promise<unknown>) => {
    await request().catch(error => failures.push({ key: { bucket, key }, error }))
  }
  await pMap(
    differing.filter(({ difference }) => difference.kind !== 'wrongLatest'),
    ({ row, difference }) =>
      ask(row.key, async () => {
        const version = { bucket, key: row.key, versionId: row.versionId }
        const observation = await (row.isDeleteMarker ? observeMarker(s3, version) : observeVersion(s3, version, row))
        observed.push({ difference, observation })
      }),
    { concurrency: S3_CONCURRENCY },
  )
  const keys = [...new Set(differing.map(({ row }) => row.key))]
  await pMap(keys, key => ask(key, async () => confirmedLatest.push(await headLatest(s3, bucket, key))), {
    concurrency: S3_CONCURRENCY,
  })
  throwIfGeneral(failures, differing.length)

  const wrongLatest = differing.filter(({ row, difference }) => {
    return (
      difference.kind === 'wrongLatest' &&
      confirmedLatest.some(({ key, versionId }) => key === row.key && versionId === row.versionId)
    )
  })
  // A version deleted since the report that was never in the catalog leaves no trace.
  const real = observed.filter(({ difference, observation }) => observation.state !== 'gone' || difference.kind === 'stale')
  if (differing.length > 0) {
    const written = await writeObservations(sql, asOf, {
      observed: real.map(({ observation }) => observation),
      confirmedLatest,
    })
    failures.push(...written.failures, ...(await resolveLatest(sql, s3, written.undecided)))
  }
  const failed = new Set(failures.map(({ key }) => key.key))
  const found = [
    ...real.map(({ difference, observation }) => ({ difference, key: observation.key })),
    ...wrongLatest.map(({ difference, row }) => ({ difference, key: row.key })),
  ]
  for (const { difference } of found) findings[difference.kind]++
  findings.repaired += found.filter(({ key }) => !failed.has(key)).length
  return distinctKeys(failures)
}

/** Rows that the catalog lacks or has with differences, except versions that it knows to be deleted. */
async function differingRows(
  sql: Sql,
  bucket: string,
  asOf: string,
  rows: InventoryRow[],
): Promise<{ row: InventoryRow; difference: Difference }[]> {
  const names = rows.map(({ key, versionId }) => [toStoredKey(key), versionId])
  const known = await sql<(CatalogedVersion & { n: number; isKnown: boolean })[]>`
    select k.n, v.version_id is not null as "isKnown", ${comparedColumns(sql)}
    from jsonb_array_elements(${sql.json(names)}) with ordinality as k (name, n)
    left join lateral (
      select *
      from catalog.storage_versions x
      where x.bucket = ${bucket} and x.key = k.name ->> 0 and x.version_id = k.name ->> 1
      limit 1
    ) as v on true
    where not exists (
        select
        from catalog.storage_tombstones t
        where t.bucket = ${bucket} and t.key = k.name ->> 0 and t.version_id = k.name ->> 1 and t.version_id <> 'null'
      )
    order by k.n
  `
  return known.flatMap(({ n, isKnown, ...version }) => {
    const row = rows[n - 1]!
    const cataloged = isKnown ? { key: row.key, asOf, versions: [version] } : undefined
    return differencesOf({ ...pairOfRow(row, asOf), cataloged }, 0).map(difference => ({ row, difference }))
  })
}

function pairOfRow(row: InventoryRow, asOf: string): KeyPair {
  return { key: row.key, listed: { key: row.key, asOf, versions: [row] }, listedAt: asOf, catalogedAt: asOf }
}

/** Fetches the latest version by a HEAD without a version id, at a twelfth of the price of a listing. For a delete marker S3 returns 404 and its id. */
async function headLatest(s3: S3Client, bucket: string, key: string): Promise<ConfirmedLatest> {
  try {
    const { VersionId = 'null' } = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }))
    return { bucket, key, versionId: VersionId }
  } catch (error) {
    if (!(error instanceof S3ServiceException)) throw error
    // S3 refuses a HEAD of an object that is encrypted with a customer's key.
    if (error.$metadata.httpStatusCode === 400) {
      const latest = await fetchLatestVersion(s3, { bucket, key })
      return { bucket, key, versionId: latest?.versionId ?? null }
    }
    if (error.$metadata.httpStatusCode !== 404) throw error
    const headers = error.$response?.headers ?? {}
    if (headers['x-amz-delete-marker'] === 'true') return { bucket, key, versionId: headers['x-amz-version-id'] ?? 'null' }
    // Ceph does not say that it is about a delete marker.
    return { bucket, key, versionId: (await fetchLatestVersion(s3, { bucket, key }))?.versionId ?? null }
  }
}
