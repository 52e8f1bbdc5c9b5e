import type { Sql } from '../database/connection.ts'
import { fromStoredKey, toStoredKey } from '../database/stored-text.ts'
import { Conflict, NotFound } from '../errors.ts'

/** Counts of a reconcile so far: versions of the bucket compared, requests to S3, differences found and repaired. */
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
  /** Metadata, tags or content type differ; found in the sample. */
  wrongMetadata: number
  repaired: number
}

/** A row of storage_reconciles: a comparison that is running, stopped or finished. */
export type ReconcileRun = {
  id: number
  bucket: string
  prefix: string
  isDryRun: boolean
  checkpoint: string | null
  findings: Findings
  startedAt: Date
  updatedAt: Date
  finishedAt: Date | null
}

/** What to reconcile. */
export type ReconcileScope = { bucket: string; prefix?: string; isDryRun?: boolean }

/** The findings of a run that has not started. */
export function emptyFindings(): Findings {
  return { versions: 0, requests: 0, missing: 0, orphaned: 0, stale: 0, wrongLatest: 0, wrongMetadata: 0, repaired: 0 }
}

/** The number of differences that a run has found. */
export function driftOf({ missing, orphaned, stale, wrongLatest, wrongMetadata }: Findings): number {
  return missing + orphaned + stale + wrongLatest + wrongMetadata
}

/**
 * Returns the unfinished run of a scope, or a new one: a scope has at most one. `fresh` restarts it from the first key, and throws Conflict
 * while a process works on it.
 */
export async function openRun(
  sql: Sql,
  { bucket, prefix = '', isDryRun = false }: ReconcileScope,
  fresh = false,
): Promise<ReconcileRun> {
  const [run] = await sql<ReconcileRun[]>`
    insert into catalog.storage_reconciles as r (bucket, prefix, is_dry_run, findings)
    values (${bucket}, ${toStoredKey(prefix)}, ${isDryRun}, ${sql.json(emptyFindings())})
    on conflict (bucket, prefix, is_dry_run) where finished_at is null do update
    set checkpoint = case when not ${fresh} then r.checkpoint end,
      findings = case when ${fresh} then excluded.findings else r.findings end,
      started_at = case when ${fresh} then now() else r.started_at end
    where not ${fresh} or ${isFree(sql)}
    returning ${runColumns(sql)}
  `
  if (!run) throw new Conflict(`A reconcile of ${bucket}/${prefix} is running`)
  return toRun(run)
}

/** Returns a run by its id. Throws NotFound. */
export async function getRun(sql: Sql, id: number): Promise<ReconcileRun> {
  const [run] = await sql<ReconcileRun[]>`
    select ${runColumns(sql)}
    from catalog.storage_reconciles
    where id = ${id}
  `
  if (!run) throw new NotFound(`No reconcile ${id}`)
  return toRun(run)
}

/** The lease of a run: it ends when it is released or not renewed in time. */
export type Lease = { run: ReconcileRun; lease: string; seconds: number }

/** Takes the lease of a run for `seconds`. Returns the run as its last holder left it. Throws Conflict when it is held or finished. */
export async function takeLease(sql: Sql, { id, bucket, prefix }: ReconcileRun, seconds: number): Promise<Lease> {
  const [taken] = await sql<(ReconcileRun & { lease: string })[]>`
    update catalog.storage_reconciles r
    set lease = gen_random_uuid(), leased_until = clock_timestamp() + make_interval(secs => ${seconds})
    where id = ${id} and finished_at is null and ${isFree(sql)}
    returning ${runColumns(sql)}, lease
  `
  if (!taken) throw new Conflict(`Reconcile ${id} of ${bucket}/${prefix} is finished, or running elsewhere`)
  const { lease, ...run } = taken
  return { run: toRun(run), lease, seconds }
}

/** Renews a lease. Throws Conflict when another process has taken it. */
export async function renewLease(sql: Sql, { run, lease, seconds }: Lease): Promise<void> {
  const { count } = await sql`
    update catalog.storage_reconciles
    set leased_until = clock_timestamp() + make_interval(secs => ${seconds})
    where id = ${run.id} and lease = ${lease}
  `
  if (count === 0) throw new Conflict(`Reconcile ${run.id} of ${run.bucket}/${run.prefix} was taken over`)
}

/** Releases a lease; does nothing when it is no longer held. */
export async function releaseLease(sql: Sql, { run, lease }: Lease): Promise<void> {
  await sql`update catalog.storage_reconciles set lease = null, leased_until = null where id = ${run.id} and lease = ${lease}`
}

/** Releases every lease. The caller must know that no process works on a run. */
export async function releaseLeases(sql: Sql): Promise<void> {
  await sql`update catalog.storage_reconciles set lease = null, leased_until = null where finished_at is null and lease is not null`
}

/** Saves the checkpoint of a run and renews its lease, or releases it when finished. Throws Conflict when another process has taken it. */
export async function saveCheckpoint(
  sql: Sql,
  { lease, seconds }: Lease,
  run: ReconcileRun,
  isFinished: boolean,
): Promise<ReconcileRun> {
  const [saved] = await sql<ReconcileRun[]>`
    update catalog.storage_reconciles
    set checkpoint = ${run.checkpoint === null ? null : toStoredKey(run.checkpoint)},
      findings = ${sql.json(run.findings)},
      updated_at = now(),
      finished_at = case when ${isFinished} then now() end,
      lease = case when not ${isFinished} then lease end,
      leased_until = case when not ${isFinished} then clock_timestamp() + make_interval(secs => ${seconds}) end
    where id = ${run.id} and lease = ${lease}
    returning ${runColumns(sql)}
  `
  if (!saved) throw new Conflict(`Reconcile ${run.id} of ${run.bucket}/${run.prefix} was taken over`)
  return toRun(saved)
}

/** Returns the newest runs, of one bucket or all. */
export async function listRuns(
  sql: Sql,
  { bucket, limit = 20 }: { bucket?: string; limit?: number } = {},
): Promise<ReconcileRun[]> {
  const rows = await sql<ReconcileRun[]>`
    select ${runColumns(sql)}
    from catalog.storage_reconciles
    ${bucket === undefined ? sql`` : sql`where bucket = ${bucket}`}
    order by started_at desc, id desc
    limit ${limit}
  `
  return rows.map(toRun)
}

/** Of storage_reconciles as `r`. */
function isFree(sql: Sql) {
  return sql`coalesce(r.leased_until < clock_timestamp(), true)`
}

function runColumns(sql: Sql) {
  return sql`
    id, bucket, prefix, is_dry_run as "isDryRun", checkpoint, findings, started_at as "startedAt", updated_at as "updatedAt",
    finished_at as "finishedAt"
  `
}

function toRun(row: ReconcileRun): ReconcileRun {
  return { ...row, prefix: fromStoredKey(row.prefix), checkpoint: row.checkpoint === null ? null : fromStoredKey(row.checkpoint) }
}
