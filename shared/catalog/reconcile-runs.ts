import type { Sql } from '../database/connection.ts'
import { decodeCursor, encodeCursor, listName } from '../database/cursor.ts'
import { checkedLimit, type Page, toPage } from '../database/page.ts'
import { fromStoredKey, toStoredKey, toStoredText } from '../database/stored-text.ts'
import { Conflict, NotFound } from '../errors.ts'
import type { RunKind } from '../names.ts'
import type { RunResult } from './run-results.ts'

/** What the caller of a run chose. `bucketDeleted` confirms that the bucket was deleted on purpose, if it does not exist. `manifest` is the `s3://` address of a report's manifest.json; only inventories have one. */
export type RunOptions = {
  requestsPerSecond?: number
  sampleRate?: number
  graceSeconds?: number
  bucketDeleted?: boolean
  manifest?: string
}

/**
 * `waiting` for a process to start or continue it, `running`, `stopped` on request, `failed` with an error, `finished`, or `incomplete`: finished
 * but for keys that could not be settled.
 */
export type RunState = 'waiting' | 'running' | 'stopped' | 'failed' | 'finished' | 'incomplete'

/** Counts of a run so far: versions of the bucket (rows of a report), requests to S3, differences found and repaired. */
export type Findings = {
  versions: number
  requests: number
  /** In the bucket, not in the catalog. */
  missing: number
  /** In the catalog, not in the bucket. */
  orphaned: number
  /** Size, entity tag, class or time differ, or known from an event only. */
  stale: number
  /** Another version is the latest. */
  wrongLatest: number
  /** Metadata, tags or content type differ; found among the versions that were asked again. */
  wrongMetadata: number
  repaired: number
  /** Versions without differences in the listing that S3 was asked about again, for their metadata and tags. */
  refreshed: number
  /** The longest time, in seconds, since S3 was asked about a version that the bucket and the catalog both have, when the run read it. */
  oldestSeconds: number
  /** S3's listing and its HEAD differ, and the catalog has what the HEAD returns: no repair can remove that, so it is no drift. */
  disagreeing: number
  /** Keys about which S3 or Postgres returned an error; the result of the run names the first ones. */
  unsettled: number
}

/** A row of storage_reconciles. */
export type ReconcileRun<Kind extends RunKind = RunKind> = {
  id: number
  kind: Kind
  bucket: string
  prefix: string
  isDryRun: boolean
  options: RunOptions
  state: RunState
  checkpoint: string | null
  findings: Findings
  result: RunResult<Kind>
  error: string | null
  startedAt: Date
  updatedAt: Date
  stopRequestedAt: Date | null
  finishedAt: Date | null
}

/** What to reconcile. */
export type ReconcileScope<Kind extends RunKind = RunKind> = {
  kind: Kind
  bucket: string
  prefix?: string
  isDryRun?: boolean
  options?: RunOptions
}

/** The findings of a run that has not started. */
export function emptyFindings(): Findings {
  return {
    versions: 0,
    requests: 0,
    missing: 0,
    orphaned: 0,
    stale: 0,
    wrongLatest: 0,
    wrongMetadata: 0,
    repaired: 0,
    refreshed: 0,
    oldestSeconds: 0,
    disagreeing: 0,
    unsettled: 0,
  }
}

/** The number of differences that a run has found. */
export function driftOf({ missing, orphaned, stale, wrongLatest, wrongMetadata }: Findings): number {
  return missing + orphaned + stale + wrongLatest + wrongMetadata
}

/**
 * Returns the unfinished run of a kind and scope with these options, or a new one: there is at most one. One that was stopped or failed may
 * continue. `fresh`, or another manifest, restarts it from the beginning, and throws Conflict while a process works on it.
 * Otherwise a run that a process works on keeps its options, and a request to stop it.
 */
export async function openRun<Kind extends RunKind>(
  sql: Sql,
  { kind, bucket, prefix = '', isDryRun = false, options = {} }: ReconcileScope<Kind>,
  fresh = false,
): Promise<ReconcileRun<Kind>> {
  const [run] = await sql<ReconcileRun<Kind>[]>`
    insert into catalog.storage_reconciles as r (kind, bucket, prefix, is_dry_run, options, findings)
    values (${kind}, ${bucket}, ${toStoredKey(prefix)}, ${isDryRun}, ${sql.json(options)}, ${sql.json(emptyFindings())})
    on conflict (kind, bucket, prefix, is_dry_run) where finished_at is null do update
    set options = case when ${isFree(sql)} then excluded.options else r.options end,
      checkpoint = case when not ${isRestarted(sql, fresh)} then r.checkpoint end,
      findings = case when ${isRestarted(sql, fresh)} then excluded.findings else r.findings end,
      result = case when not ${isRestarted(sql, fresh)} then r.result end,
      started_at = case when ${isRestarted(sql, fresh)} then now() else r.started_at end,
      error = null,
      stop_requested_at = case when not ${isFree(sql)} then r.stop_requested_at end
    where not ${isRestarted(sql, fresh)} or ${isFree(sql)}
    returning ${runColumns(sql)}
  `
  if (!run) throw new Conflict(`A ${kind} of ${bucket}/${prefix} is running`)
  return toRun(run)
}

/** Returns a run by its id. Throws NotFound. */
export async function getRun(sql: Sql, id: number): Promise<ReconcileRun> {
  const [run] = await sql<ReconcileRun[]>`
    select ${runColumns(sql)}
    from catalog.storage_reconciles as r
    where id = ${id}
  `
  if (!run) throw new NotFound(`No reconcile ${id}`)
  return toRun(run)
}

/** Returns a page of the runs, newest first, of one bucket or all. */
export async function listRuns(
  sql: Sql,
  { bucket, limit = 20, cursor }: { bucket?: string; limit?: number; cursor?: string } = {},
): Promise<Page<ReconcileRun>> {
  const list = listName('reconciles', { bucket })
  const [before] = cursor === undefined ? [] : decodeCursor(list, cursor, ['id'])
  const rows = await sql<ReconcileRun[]>`
    select ${runColumns(sql)}
    from catalog.storage_reconciles as r
    where true
      ${bucket === undefined ? sql`` : sql`and bucket = ${bucket}`}
      ${before === undefined ? sql`` : sql`and id < ${before}`}
    order by id desc
    limit ${checkedLimit(limit) + 1}
  `
  return toPage(rows, limit, { toItem: toRun, cursorAfter: ({ id }) => encodeCursor(list, [id]) })
}

/** Asks the process that works on a run to stop at its next checkpoint, and all others not to continue it. Throws NotFound, and Conflict when it is finished. */
export async function requestStop(sql: Sql, id: number): Promise<ReconcileRun> {
  const [run] = await sql<ReconcileRun[]>`
    update catalog.storage_reconciles as r
    set stop_requested_at = coalesce(r.stop_requested_at, now())
    where id = ${id} and finished_at is null
    returning ${runColumns(sql)}
  `
  if (run) return toRun(run)
  await getRun(sql, id)
  throw new Conflict(`Reconcile ${id} is finished`)
}

/** Records why an attempt to work on a run failed; openRun or the next attempt clears it. */
export async function recordFailure(sql: Sql, id: number, reason: string): Promise<ReconcileRun> {
  const [run] = await sql<ReconcileRun[]>`
    update catalog.storage_reconciles as r
    set error = ${toStoredText(reason)}
    where id = ${id} and finished_at is null
    returning ${runColumns(sql)}
  `
  return run ? toRun(run) : getRun(sql, id)
}

/** Whether nobody works on a row `r` of storage_reconciles. */
export function isFree(sql: Sql) {
  return sql`coalesce(r.leased_until < clock_timestamp(), true)`
}

/** The columns of a ReconcileRun, of storage_reconciles as `r`. */
export function runColumns(sql: Sql) {
  return sql`
    r.id, r.kind, r.bucket, r.prefix, r.is_dry_run as "isDryRun", r.options,
    case
      when r.finished_at is not null and coalesce((r.findings ->> 'unsettled')::bigint, 0) > 0 then 'incomplete'
      when r.finished_at is not null then 'finished'
      when r.leased_until >= clock_timestamp() then 'running'
      when r.error is not null then 'failed'
      when r.stop_requested_at is not null then 'stopped'
      else 'waiting'
    end as state,
    r.checkpoint, r.findings, r.result, r.error, r.started_at as "startedAt", r.updated_at as "updatedAt",
    r.stop_requested_at as "stopRequestedAt", r.finished_at as "finishedAt"
  `
}

/** A run of a row with runColumns. */
export function toRun<Kind extends RunKind>(row: ReconcileRun<Kind>): ReconcileRun<Kind> {
  return { ...row, prefix: fromStoredKey(row.prefix), checkpoint: row.checkpoint === null ? null : fromStoredKey(row.checkpoint) }
}

/** For `on conflict`: whether the existing row `r` begins again. */
function isRestarted(sql: Sql, fresh: boolean) {
  return sql`(${fresh} or r.options ->> 'manifest' is distinct from excluded.options ->> 'manifest')`
}
