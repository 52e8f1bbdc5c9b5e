import type { Sql } from '../database/connection.ts'
import { decodeCursor, encodeCursor } from '../database/cursor.ts'
import { fromStoredKey, toStoredKey, toStoredText } from '../database/stored-text.ts'
import { Invalid } from '../errors.ts'

/** A row of storage_audit: who did what, when, from where, with what result. */
export type AuditEntry = {
  id: number
  occurredAt: Date
  userId: string | null
  userName: string | null
  action: string
  bucket: string | null
  key: string | null
  versionId: string | null
  ipAddress: string | null
  userAgent: string | null
  success: boolean
  errorMessage: string | null
  metadata: Record<string, unknown>
}

/** What a caller tells; `action` is upper case with underscores (UPLOAD, DOWNLOAD, ...), the time now, the result success by default. */
export type NewAuditEntry = { action: string; occurredAt?: Date; success?: boolean } & {
  [Field in 'userId' | 'userName' | 'bucket' | 'key' | 'versionId' | 'ipAddress' | 'userAgent' | 'errorMessage']?: string | null
} & { metadata?: Record<string, unknown> }

/** Which entries: all conditions hold; `from` is the first moment, `to` the first one behind. `limit` is 1 to 1000. */
export type AuditFilter = {
  bucket?: string
  key?: string
  versionId?: string
  userId?: string
  action?: string
  success?: boolean
  from?: Date
  to?: Date
  limit?: number
  cursor?: string
}

/** What an action must look like, as the table's own check. */
export const AUDIT_ACTION = /^[A-Z][A-Z_]{0,63}$/

/** Appends one or many entries in one statement. Throws Invalid for a malformed action, or a time before 1970 or behind tomorrow. */
export async function logAudit(sql: Sql, entries: NewAuditEntry | NewAuditEntry[]): Promise<void> {
  const rows = [entries].flat().map(toRow)
  if (rows.length === 0) return
  await sql`
    insert into storage_audit (
      occurred_at, user_id, user_name, action, bucket, key, version_id, ip_address, user_agent, success, error_message, metadata
    )
    select coalesce(a.occurred_at, now()), a.user_id, a.user_name, a.action, a.bucket, a.key, a.version_id, a.ip_address, a.user_agent,
      a.success, a.error_message, a.metadata
    from jsonb_to_recordset(${sql.json(rows as never)}) as a (
      occurred_at timestamptz, user_id text, user_name text, action text, bucket text, key text, version_id text, ip_address text,
      user_agent text, success boolean, error_message text, metadata jsonb
    )
  `
}

/** Entries of the audit trail, newest first, a page at a time. Throws Invalid for a malformed cursor. */
export async function getAuditLogs(sql: Sql, filter: AuditFilter): Promise<{ items: AuditEntry[]; nextCursor: string | null }> {
  const { bucket, versionId, userId, action, success, from, to, limit = 100, cursor } = filter
  const key = filter.key === undefined ? undefined : toStoredKey(filter.key)
  const [before, id] = cursor === undefined ? [] : decodeCursor('audit', cursor, ['time', 'number'])
  // The first line of the cursor says nothing new, but by it alone later partitions are left out.
  const rows = await sql<(AuditEntry & { position: string })[]>`
    select a.id, a.occurred_at as "occurredAt", a.user_id as "userId", a.user_name as "userName", a.action, a.bucket, a.key,
      a.version_id as "versionId", a.ip_address as "ipAddress", a.user_agent as "userAgent", a.success,
      a.error_message as "errorMessage", a.metadata,
      to_char(a.occurred_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as position
    from storage_audit a
    where true
      ${bucket === undefined ? sql`` : sql`and a.bucket = ${bucket}`}
      ${key === undefined ? sql`` : sql`and a.key = ${key}`}
      ${versionId === undefined ? sql`` : sql`and a.version_id = ${versionId}`}
      ${userId === undefined ? sql`` : sql`and a.user_id = ${userId}`}
      ${action === undefined ? sql`` : sql`and a.action = ${action}`}
      ${success === undefined ? sql`` : sql`and a.success = ${success}`}
      ${from === undefined ? sql`` : sql`and a.occurred_at >= ${from}`}
      ${to === undefined ? sql`` : sql`and a.occurred_at < ${to}`}
      ${
        before === undefined || id === undefined
          ? sql``
          : sql`and a.occurred_at <= ${before}::text::timestamptz
              and (a.occurred_at, a.id) < (${before}::text::timestamptz, ${id})`
      }
    order by a.occurred_at desc, a.id desc
    limit ${limit + 1}
  `
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return {
    items: page.map(({ position: _, ...row }) => ({ ...row, key: row.key === null ? null : fromStoredKey(row.key) })),
    nextCursor: rows.length > limit && last ? encodeCursor('audit', [last.position, last.id]) : null,
  }
}

const DAY = 24 * 60 * 60 * 1000

function toRow(entry: NewAuditEntry) {
  const { action, occurredAt, success = true, metadata = {} } = entry
  if (!AUDIT_ACTION.test(action)) throw new Invalid('action must be upper case letters and underscores, at most 64')
  // Partitions are made three months ahead; clocks that differ by a day are the most that is believed.
  if (occurredAt && !(occurredAt.getTime() < Date.now() + DAY)) throw new Invalid('occurredAt lies in the future')
  if (occurredAt && occurredAt.getTime() < 0) throw new Invalid('occurredAt lies before 1970')
  return {
    occurred_at: occurredAt,
    user_id: stored(entry.userId),
    user_name: stored(entry.userName),
    action,
    bucket: stored(entry.bucket),
    key: entry.key == null ? null : toStoredKey(entry.key),
    version_id: stored(entry.versionId),
    ip_address: stored(entry.ipAddress),
    user_agent: stored(entry.userAgent),
    success,
    error_message: stored(entry.errorMessage),
    metadata,
  }
}

function stored(text: string | null | undefined): string | null {
  return text == null ? null : toStoredText(text)
}
