import type { Sql } from '../database/connection.ts'
import { jsonParameter } from '../database/json-parameter.ts'
import { fromStoredKey, toStoredKey, toStoredText, toStoredTextOrNull } from '../database/stored-text.ts'

/** One execution of a hook. `executionTimeMs` is milliseconds; `executedAt` defaults to now. */
export type HookExecution = {
  hookName: string
  eventType: string
  bucket?: string | null
  key?: string | null
  executionTimeMs: number
  success: boolean
  error?: string | null
  payload?: unknown
  response?: unknown
  executedAt?: Date
}

/** Statistics of one hook. Times are milliseconds, `successRate` is 0 to 1, percentiles are interpolated. */
export type HookStatistics = {
  hookName: string
  executions: number
  successRate: number
  meanMs: number
  p50Ms: number
  p95Ms: number
  p99Ms: number
  lastFailure: { at: Date; error: string | null; bucket: string | null; key: string | null } | null
}

/** Logs one or many executions in one statement. */
export async function logHookExecution(sql: Sql, executions: HookExecution | HookExecution[]): Promise<void> {
  const rows = [executions].flat().map(toRow)
  if (rows.length === 0) return
  await sql`
    insert into catalog.storage_hooks (hook_name, event_type, bucket, key, execution_time_ms, success, error, payload, response, executed_at)
    select h.hook_name, h.event_type, h.bucket, h.key, h.execution_time_ms, h.success, h.error, h.payload, h.response,
      coalesce(h.executed_at, now())
    from jsonb_to_recordset(${jsonParameter(sql, rows)}) as h (
      hook_name text, event_type text, bucket text, key text, execution_time_ms double precision, success boolean, error text,
      payload jsonb, response jsonb, executed_at timestamptz
    )
  `
}

/** Returns statistics per hook, by name, of one hook or all. `from` is inclusive, `to` exclusive. */
export async function getHookStatistics(
  sql: Sql,
  { hookName, from, to }: { hookName?: string; from?: Date; to?: Date } = {},
): Promise<HookStatistics[]> {
  const matches = sql`
    true
    ${hookName === undefined ? sql`` : sql`and h.hook_name = ${hookName}`}
    ${from === undefined ? sql`` : sql`and h.executed_at >= ${from}`}
    ${to === undefined ? sql`` : sql`and h.executed_at < ${to}`}
  `
  const rows = await sql<Row[]>`
    with hook as (
      select h.hook_name, count(*) as executions, avg(h.success::int)::float8 as success_rate, avg(h.execution_time_ms) as mean,
        percentile_cont(array[0.5, 0.95, 0.99]) within group (order by h.execution_time_ms) as percentiles
      from catalog.storage_hooks h
      where ${matches}
      group by h.hook_name
    ),
    failure as (
      select distinct on (h.hook_name) h.hook_name, h.executed_at, h.error, h.bucket, h.key
      from catalog.storage_hooks h
      where not h.success and ${matches}
      order by h.hook_name, h.executed_at desc, h.id desc
    )
    select hook.hook_name as "hookName", hook.executions, hook.success_rate as "successRate", hook.mean as "meanMs",
      hook.percentiles[1] as "p50Ms", hook.percentiles[2] as "p95Ms", hook.percentiles[3] as "p99Ms",
      f.executed_at as "failedAt", f.error, f.bucket, f.key
    from hook
    left join failure f on f.hook_name = hook.hook_name
    order by hook.hook_name collate "C"
  `
  return rows.map(({ failedAt, error, bucket, key, ...statistics }) => ({
    ...statistics,
    lastFailure: failedAt && { at: failedAt, error, bucket, key: key === null ? null : fromStoredKey(key) },
  }))
}

type Row = Omit<HookStatistics, 'lastFailure'> & {
  failedAt: Date | null
  error: string | null
  bucket: string | null
  key: string | null
}

function toRow(execution: HookExecution) {
  return {
    hook_name: toStoredText(execution.hookName),
    event_type: toStoredText(execution.eventType),
    bucket: execution.bucket,
    key: execution.key == null ? null : toStoredKey(execution.key),
    execution_time_ms: execution.executionTimeMs,
    success: execution.success,
    error: toStoredTextOrNull(execution.error),
    payload: execution.payload,
    response: execution.response,
    executed_at: execution.executedAt,
  }
}
