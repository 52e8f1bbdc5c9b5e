import { logAudit, type NewAuditEntry } from '../../shared/catalog/audit.ts'
import type { Client, Sql } from '../../shared/database/connection.ts'
import type { Caller } from './caller.ts'

/** What a write says about itself; the caller and the source are added. */
export type WriteEntry = Omit<NewAuditEntry, keyof Caller | 'source' | 'claimed' | 'occurredAt'>

/** Runs a write in a transaction. The entries that it passes to `audit` are committed with it, or not at all. */
export async function auditedWrite<T>(
  sql: Client,
  caller: Caller,
  write: (transaction: Sql, audit: (entry: WriteEntry) => void) => Promise<T>,
): Promise<T> {
  const result = await sql.begin(async transaction => {
    const entries: NewAuditEntry[] = []
    const value = await write(transaction, entry => entries.push(apiEntry(caller, entry)))
    await logAudit(transaction, entries)
    return { value }
  })
  return result.value as T
}

/** The entry of a request that the API itself carried out. */
export function apiEntry(caller: Caller, entry: WriteEntry): NewAuditEntry {
  return { ...entry, ...caller, source: 'api' }
}

/** The caller as one text, for what they claim. */
export function nameOf({ userId, userName, ipAddress }: Caller): string {
  return userId ?? userName ?? ipAddress ?? 'unknown'
}
