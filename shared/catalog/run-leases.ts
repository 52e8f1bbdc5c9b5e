import type { Sql } from '../database/connection.ts'
import { jsonParameter } from '../database/json-parameter.ts'
import { toStoredKey } from '../database/stored-text.ts'
import { Conflict } from '../errors.ts'
import type { RunKind } from '../names.ts'
import { isFree, type ReconcileRun, runColumns, toRun } from './reconcile-runs.ts'

/** The lease of a run: it ends when it is released or not renewed in time. */
export type Lease<Kind extends RunKind = RunKind> = { run: ReconcileRun<Kind>; lease: string; seconds: number }

/** Takes the lease of a run for `seconds`. Returns the run as its last holder left it. Throws Conflict when it is held, finished, or to be stopped. */
export async function takeLease<Kind extends RunKind>(
  sql: Sql,
  { id, bucket, prefix }: ReconcileRun<Kind>,
  seconds: number,
): Promise<Lease<Kind>> {
  const [taken] = await sql<(ReconcileRun<Kind> & { lease: string })[]>`
    update catalog.storage_reconciles as r
    set lease = gen_random_uuid(), leased_until = clock_timestamp() + make_interval(secs => ${seconds}), error = null
    where id = ${id} and finished_at is null and stop_requested_at is null and ${isFree(sql)}
    returning ${runColumns(sql)}, r.lease
  `
  if (!taken) throw new Conflict(`Reconcile ${id} of ${bucket}/${prefix} is finished, stopped, or running elsewhere`)
  const { lease, ...run } = taken
  return { run: toRun<Kind>({ ...run, kind: taken.kind, result: taken.result }), lease, seconds }
}

/** Renews a lease; returns whether the run should stop. Throws Conflict when another process has taken it. */
export async function renewLease(sql: Sql, { run, lease, seconds }: Lease): Promise<boolean> {
  const [renewed] = await sql<{ isStopRequested: boolean }[]>`
    update catalog.storage_reconciles
    set leased_until = clock_timestamp() + make_interval(secs => ${seconds})
    where id = ${run.id} and lease = ${lease}
    returning stop_requested_at is not null as "isStopRequested"
  `
  if (!renewed) throw new Conflict(`Reconcile ${run.id} of ${run.bucket}/${run.prefix} was taken over`)
  return renewed.isStopRequested
}

/** Releases a lease; does nothing when it is no longer held. */
export async function releaseLease(sql: Sql, { run, lease }: Lease): Promise<void> {
  await sql`update catalog.storage_reconciles set lease = null, leased_until = null where id = ${run.id} and lease = ${lease}`
}

/** Releases every lease. The caller must know that no process works on a run. */
export async function releaseLeases(sql: Sql): Promise<void> {
  await sql`update catalog.storage_reconciles set lease = null, leased_until = null where finished_at is null and lease is not null`
}

/** Saves checkpoint, findings and result of a run and renews its lease, or releases it when finished. Throws Conflict when another process has taken it. */
export async function saveCheckpoint<Kind extends RunKind>(
  sql: Sql,
  { lease, seconds }: Lease<Kind>,
  run: ReconcileRun<Kind>,
  isFinished: boolean,
): Promise<ReconcileRun<Kind>> {
  const [saved] = await sql<ReconcileRun<Kind>[]>`
    update catalog.storage_reconciles as r
    set checkpoint = ${run.checkpoint === null ? null : toStoredKey(run.checkpoint)},
      findings = ${sql.json(run.findings)},
      result = ${run.result === null ? null : jsonParameter(sql, run.result)},
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
