import { logAudit, type NewAuditEntry } from '../../../shared/catalog/audit.ts'
import type { Client, Sql } from '../../../shared/database/connection.ts'
import { Conflict, Invalid, NotFound } from '../../../shared/errors.ts'
import type { Caller } from '../caller.ts'

/** What a write says about itself; the caller and the source are added. */
export type WriteEntry = Omit<NewAuditEntry, keyof Caller | 'source' | 'claimed' | 'occurredAt' | 'success'>

/** Where a write says what it does. */
export type Trail = {
  /** Done in the transaction: committed with it, or not at all. */
  add(entry: WriteEntry): void
  /** Asked of S3, which no transaction undoes: if the write fails, this is in the trail as failed, with the reason. Otherwise it is not. */
  attempt(entry: WriteEntry): void
}

/** Runs a write in a transaction together with its audit entries. */
export async function auditedWrite<T>(
  sql: Client,
  caller: Caller,
  write: (transaction: Sql, trail: Trail) => Promise<T>,
): Promise<T> {
  let attempted: WriteEntry | undefined
  try {
    const result = await sql.begin(async transaction => {
      const entries: NewAuditEntry[] = []
      const value = await write(transaction, {
        add: entry => entries.push(apiEntry(caller, entry)),
        attempt: entry => (attempted = entry),
      })
      await logAudit(transaction, entries)
      return { value }
    })
    return result.value as T
  } catch (error) {
    if (attempted) await logAudit(sql, { ...apiEntry(caller, attempted), success: false, errorMessage: reasonOf(error) })
    throw error
  }
}

/** The entry of a request that the API itself carried out. */
export function apiEntry(caller: Caller, entry: WriteEntry): NewAuditEntry {
  return { ...entry, ...caller, source: 'api', metadata: entry.metadata && cut(entry.metadata) }
}

/** The most metadata of an entry, in bytes of JSON, and what is kept of more, in characters. */
const METADATA = { maxBytes: 16_384, kept: 3000 }

/** The metadata, or the beginning of its JSON where it is too long, and the request id of S3, by which its event finds the entry. */
function cut(metadata: Record<string, unknown>): Record<string, unknown> {
  const json = JSON.stringify(metadata)
  if (Buffer.byteLength(json) <= METADATA.maxBytes) return metadata
  return { cut: `${json.slice(0, METADATA.kept).toWellFormed()}… (${json.length} characters)`, s3RequestId: metadata.s3RequestId }
}

/** The caller as one text, for what they claim. */
export function nameOf({ userId, userName, ipAddress }: Caller): string {
  return userId ?? userName ?? ipAddress ?? 'unknown'
}

/** The message of an error that callers may see; that of any other is in the log. */
function reasonOf(error: unknown): string {
  const isPublic = error instanceof Invalid || error instanceof NotFound || error instanceof Conflict
  return isPublic ? error.message : 'Internal error: S3 may have done it. The log has the reason'
}
