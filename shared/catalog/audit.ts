import type { Sql } from '../database/connection.ts'
import { decodeCursor, encodeCursor, listName } from '../database/cursor.ts'
import { jsonParameter } from '../database/json-parameter.ts'
import { checkedLimit, type Page, toPage } from '../database/page.ts'
import { fromStoredKey, toStoredKey, toStoredTextOrNull, toStoredValues } from '../database/stored-text.ts'
import { checkSpan, utcText } from '../database/time.ts'
import { Invalid } from '../errors.ts'
import { AUDIT_ACTION, type AuditSource } from '../names.ts'

/** Who did it and from where, as the caller of POST /audit said. Nobody has verified it. */
export type AuditClaim = { userId?: string; userName?: string; ipAddress?: string; userAgent?: string }

/** A row of storage_audit: who did what, when, from where, with what result. Of a posted entry, the user is the one who posted it. */
export type AuditEntry = {
  id: number
  occurredAt: Date
  source: AuditSource
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
  claimed: AuditClaim | null
  recordedAt: Date
}

/**
 * An entry to append. `action` is upper case with underscores (UPLOAD, DOWNLOAD, ...); the time defaults to now, `success` to true,
 * the source to `posted`. Only a posted entry may have claims; only the indexer writes those of events.
 */
export type NewAuditEntry = { action: string; occurredAt?: Date; success?: boolean; source?: Exclude<AuditSource, 'event'> } & {
  [Field in 'userId' | 'userName' | 'bucket' | 'key' | 'versionId' | 'ipAddress' | 'userAgent' | 'errorMessage']?: string | null
} & { metadata?: Record<string, unknown>; claimed?: AuditClaim }

/** Which entries: all conditions must hold. `from` is inclusive, `to` exclusive. */
export type AuditFilter = {
  bucket?: string
  key?: string
  versionId?: string
  userId?: string
  claimedUserId?: string
  source?: AuditSource
  action?: string
  success?: boolean
  from?: Date
  to?: Date
  limit?: number
  cursor?: string
}

/** Appends one or many entries in one statement. Throws Invalid for a malformed action, and for a time before 1970 or more than a day in the future. */
export async function logAudit(sql: Sql, entries: NewAuditEntry | NewAuditEntry[]): Promise<void> {
  const rows = [entries].flat().map(toRow)
  if (rows.length === 0) return
  await sql`
    insert into catalog.storage_audit (
      occurred_at, user_id, user_name, action, bucket, key, version_id, ip_address, user_agent, success, error_message, metadata,
      source, claimed
    )
    select coalesce(a.occurred_at, statement_timestamp()), a.user_id, a.user_name, a.action, a.bucket, a.key, a.version_id, a.ip_address, a.user_agent,
      a.success, a.error_message, a.metadata, a.source, a.claimed
    from jsonb_to_recordset(${jsonParameter(sql, rows)}) as a (
      occurred_at timestamptz, user_id text, user_name text, action text, bucket text, key text, version_id text, ip_address text,
      user_agent text, success boolean, error_message text, metadata jsonb, source text, claimed jsonb
    )
  `
}

/** Lists entries of the audit trail, newest first. Throws Invalid for a malformed limit, a cursor of another list, and a range that ends before it begins. */
export async function getAuditLogs(sql: Sql, filter: AuditFilter): Promise<Page<AuditEntry>> {
  const { bucket, versionId, userId, claimedUserId, source, action, success, from, to, limit = 100, cursor } = filter
  const key = filter.key === undefined ? undefined : toStoredKey(filter.key)
  checkSpan({ from, to })
  const list = listName('audit', { bucket, key, versionId, userId, claimedUserId, source, action, success, from, to })
  const [before, id] = cursor === undefined ? [] : decodeCursor(list, cursor, ['time', 'id'])
  // The first condition of the cursor follows from the second, but only the first lets Postgres prune later partitions.
  const rows = await sql<(AuditEntry & { position: string })[]>`
    select a.id, a.occurred_at as "occurredAt", a.user_id as "userId", a.user_name as "userName", a.action, a.bucket, a.key,
      a.version_id as "versionId", a.ip_address as "ipAddress", a.user_agent as "userAgent", a.success,
      a.error_message as "errorMessage", a.metadata, a.source, a.claimed, a.recorded_at as "recordedAt",
      ${utcText(sql, sql`a.occurred_at`)} as position
    from catalog.storage_audit a
    where true
      ${bucket === undefined ? sql`` : sql`and a.bucket = ${bucket}`}
      ${key === undefined ? sql`` : sql`and a.key = ${key}`}
      ${versionId === undefined ? sql`` : sql`and a.version_id = ${versionId}`}
      ${userId === undefined ? sql`` : sql`and a.user_id = ${userId}`}
      ${claimedUserId === undefined ? sql`` : sql`and a.claimed is not null and a.claimed ->> 'userId' = ${claimedUserId}`}
      ${source === undefined ? sql`` : sql`and a.source = ${source}`}
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
    limit ${checkedLimit(limit) + 1}
  `
  return toPage(rows, limit, {
    toItem: ({ position: _, ...row }) => ({ ...row, key: row.key === null ? null : fromStoredKey(row.key) }),
    cursorAfter: last => encodeCursor(list, [last.position, last.id]),
  })
}

const DAY = 24 * 60 * 60 * 1000

function toRow(entry: NewAuditEntry) {
  const { action, occurredAt, success = true, metadata = {}, source = 'posted', claimed } = entry
  if (!AUDIT_ACTION.test(action)) throw new Invalid('action must be upper-case letters and underscores, at most 64')
  // Partitions exist three months ahead; clocks may differ by a day at most.
  if (occurredAt && !(occurredAt.getTime() < Date.now() + DAY)) throw new Invalid('occurredAt is in the future')
  if (occurredAt && occurredAt.getTime() < 0) throw new Invalid('occurredAt is before 1970')
  return {
    occurred_at: occurredAt,
    user_id: toStoredTextOrNull(entry.userId),
    user_name: toStoredTextOrNull(entry.userName),
    action,
    bucket: toStoredTextOrNull(entry.bucket),
    key: entry.key == null ? null : toStoredKey(entry.key),
    version_id: toStoredTextOrNull(entry.versionId),
    ip_address: toStoredTextOrNull(entry.ipAddress),
    user_agent: toStoredTextOrNull(entry.userAgent),
    success,
    error_message: toStoredTextOrNull(entry.errorMessage),
    // It may hold keys, in which U+0000 is legal.
    metadata: toStoredValues(metadata),
    source,
    claimed: claimed && toStoredValues(claimed),
  }
}
