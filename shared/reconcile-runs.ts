import type { Sql } from './connection.ts'
import { fromStoredKey, toStoredKey } from './stored-text.ts'

/** What a reconcile has compared (versions of the bucket), asked (requests to S3), found and repaired so far; counts all. */
export type Findings = {
  versions: number
  requests: number
  /** In the bucket, not in the catalog. */
  missing: number
  /** In the catalog, not in the bucket. */
  orphaned: number
  /** Of another size, entity tag, class or time than in the bucket, or never asked about. */
  stale: number
  /** Another version is the latest than in the bucket. */
  wrongLatest: number
  /** Of other metadata, tags or content type; found in the sample that was asked about. */
  wrongMetadata: number
  repaired: number
}

/** A row of storage_reconciles: a comparison under way, stopped or finished. */
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

/** Which reconcile to start or go on with. */
export type ReconcileScope = { bucket: string; prefix?: string; isDryRun?: boolean }

/** Findings of a run that has not begun. */
export function noFindings(): Findings {
  return { versions: 0, requests: 0, missing: 0, orphaned: 0, stale: 0, wrongLatest: 0, wrongMetadata: 0, repaired: 0 }
}

/** How many differences a run has found. */
export function driftOf({ missing, orphaned, stale, wrongLatest, wrongMetadata }: Findings): number {
  return missing + orphaned + stale + wrongLatest + wrongMetadata
}

/** The newest unfinished run of the same scope, unless `fresh` is asked for or there is none: then a new one. */
export async function openRun(
  sql: Sql,
  { bucket, prefix = '', isDryRun = false }: ReconcileScope,
  fresh = false,
): Promise<ReconcileRun> {
  const [open] = fresh
    ? []
    : await sql<ReconcileRun[]>`
        select ${runColumns(sql)}
        from storage_reconciles
        where bucket = ${bucket} and prefix = ${toStoredKey(prefix)} and is_dry_run = ${isDryRun} and finished_at is null
        order by id desc
        limit 1
      `
  if (open) return toRun(open)
  const [made] = await sql<ReconcileRun[]>`
    insert into storage_reconciles (bucket, prefix, is_dry_run, findings)
    values (${bucket}, ${toStoredKey(prefix)}, ${isDryRun}, ${sql.json(noFindings())})
    returning ${runColumns(sql)}
  `
  return toRun(made!)
}

/** Writes how far a run is. */
export async function saveCheckpoint(sql: Sql, run: ReconcileRun, isFinished: boolean): Promise<ReconcileRun> {
  const [saved] = await sql<ReconcileRun[]>`
    update storage_reconciles
    set checkpoint = ${run.checkpoint === null ? null : toStoredKey(run.checkpoint)},
      findings = ${sql.json(run.findings)},
      updated_at = now(),
      finished_at = ${isFinished ? sql`now()` : sql`finished_at`}
    where id = ${run.id}
    returning ${runColumns(sql)}
  `
  return toRun(saved!)
}

/** The newest runs, of one bucket or all. */
export async function listRuns(
  sql: Sql,
  { bucket, limit = 20 }: { bucket?: string; limit?: number } = {},
): Promise<ReconcileRun[]> {
  const rows = await sql<ReconcileRun[]>`
    select ${runColumns(sql)}
    from storage_reconciles
    ${bucket === undefined ? sql`` : sql`where bucket = ${bucket}`}
    order by started_at desc, id desc
    limit ${limit}
  `
  return rows.map(toRun)
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
