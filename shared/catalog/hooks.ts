import type { Sql } from '../database/connection.ts'
import { decodeCursor, encodeCursor, listName } from '../database/cursor.ts'
import { jsonParameter } from '../database/json-parameter.ts'
import { checkedLimit, type Page, toPage } from '../database/page.ts'
import { fromStoredKey, toStoredKey, toStoredText, toStoredTextOrNull } from '../database/stored-text.ts'
import { checkSpan } from '../database/time.ts'

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

/**
 * Returns statistics per hook, by name, of one hook or all. `from` is inclusive, `to` exclusive. A page may have fewer than `limit` items
 * without being the last: a hook without executions in the range has none. Throws Invalid for a malformed limit, a cursor of another
 * list, and a range that ends before it begins.
 */
export async function getHookStatistics(
  sql: Sql,
  filter: { hookName?: string; from?: Date; to?: Date; limit?: number; cursor?: string } = {},
): Promise<Page<HookStatistics>> {
  const { hookName, from, to, limit = 100, cursor } = filter
  checkSpan({ from, to })
  const list = listName('hooks', { hookName, from, to })
  const [after = ''] = cursor === undefined ? [] : decodeCursor(list, cursor, ['text'])
  const isInSpan = sql`
    ${from === undefined ? sql`` : sql`and h.executed_at >= ${from}`}
    ${to === undefined ? sql`` : sql`and h.executed_at < ${to}`}
  `
  // The names by a skip scan: a page costs its own executions, not those of all hooks.
  const rows = await sql<Row[]>`
    with recursive hook (name, n) as (
      select ${after}::text collate "C", 0
      union all
      select (
          select min(h.hook_name)
          from catalog.storage_hooks h
          where h.hook_name > hook.name ${hookName === undefined ? sql`` : sql`and h.hook_name = ${hookName}`}
        ), hook.n + 1
      from hook
      where hook.name is not null and hook.n <= ${checkedLimit(limit)}
    )
    select hook.name as "hookName", s.executions, s.success_rate as "successRate", s.mean as "meanMs",
      s.percentiles[1] as "p50Ms", s.percentiles[2] as "p95Ms", s.percentiles[3] as "p99Ms",
      f.executed_at as "failedAt", f.error, f.bucket, f.key
    from hook
    cross join lateral (
      select count(*) as executions, avg(h.success::int)::float8 as success_rate, avg(h.execution_time_ms) as mean,
        percentile_cont(array[0.5, 0.95, 0.99]) within group (order by h.execution_time_ms) as percentiles
      from catalog.storage_hooks h
      where h.hook_name = hook.name ${isInSpan}
    ) as s
    left join lateral (
      select h.executed_at, h.error, h.bucket, h.key
      from catalog.storage_hooks h
      where h.hook_name = hook.name and not h.success ${isInSpan}
      order by h.executed_at desc, h.id desc
      limit 1
    ) as f on true
    where hook.n > 0 and hook.name is not null
    order by hook.name
  `
  const { items, nextCursor } = toPage(rows, limit, {
    toItem: row => row,
    cursorAfter: last => encodeCursor(list, [last.hookName]),
  })
  return { items: items.filter(({ executions }) => executions > 0).map(toStatistics), nextCursor }
}

function toStatistics({ failedAt, error, bucket, key, ...statistics }: Row): HookStatistics {
  return {
    ...statistics,
    lastFailure: failedAt && { at: failedAt, error, bucket, key: key === null ? null : fromStoredKey(key) },
  }
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
