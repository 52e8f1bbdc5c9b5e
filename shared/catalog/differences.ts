import type { Sql } from '../database/connection.ts'
import { decodeCursor, encodeCursor } from '../database/cursor.ts'
import { jsonParameter } from '../database/json-parameter.ts'
import { checkedLimit, type Page, toPage } from '../database/page.ts'
import { fromStoredKey, toStoredKey } from '../database/stored-text.ts'
import { MAX_RECORDED_DIFFERENCES } from '../limits.ts'
import type { DriftKind } from '../names.ts'

/** One version that a run of the reconciler found to differ. */
export type RecordedDifference = { key: string; versionId: string; kind: DriftKind }

/**
 * Keeps the differences that a run has found after `found` others: of each run the first MAX_RECORDED_DIFFERENCES. One that is
 * recorded already stays as it is.
 */
export async function recordDifferences(
  sql: Sql,
  runId: number,
  differences: RecordedDifference[],
  found: number,
): Promise<void> {
  const kept = differences.slice(0, Math.max(0, MAX_RECORDED_DIFFERENCES - found))
  if (kept.length === 0) return
  const rows = kept.map(({ key, versionId, kind }) => ({ key: toStoredKey(key), version_id: versionId, kind }))
  await sql`
    insert into catalog.storage_differences (run_id, key, version_id, kind)
    select ${runId}, d.key, d.version_id, d.kind
    from jsonb_to_recordset(${jsonParameter(sql, rows)}) as d (key text, version_id text, kind text)
    on conflict do nothing
  `
}

/** Deletes the differences of a run that starts at its first key, and those of runs that finished more than 30 days ago. */
export async function forgetDifferences(sql: Sql, runId: number): Promise<void> {
  await sql`
    delete from catalog.storage_differences d
    using catalog.storage_reconciles r
    where d.run_id = r.id and (r.id = ${runId} or r.finished_at < now() - interval '30 days')
  `
}

/** Returns a page of the differences of a run, by key, version and kind. */
export async function listDifferences(
  sql: Sql,
  runId: number,
  { limit = 50, cursor }: { limit?: number; cursor?: string } = {},
): Promise<Page<RecordedDifference>> {
  const after = cursor === undefined ? undefined : decodeCursor('differences', cursor, ['text', 'text', 'text'])
  const rows = await sql<RecordedDifference[]>`
    select key, version_id as "versionId", kind
    from catalog.storage_differences
    where run_id = ${runId}
      ${after === undefined ? sql`` : sql`and (key, version_id, kind) > (${after[0]}, ${after[1]}, ${after[2]})`}
    order by key, version_id, kind
    limit ${checkedLimit(limit) + 1}
  `
  return toPage(rows, limit, {
    toItem: row => ({ ...row, key: fromStoredKey(row.key) }),
    cursorAfter: ({ key, versionId, kind }) => encodeCursor('differences', [key, versionId, kind]),
  })
}
