import type { Sql } from '../database/connection.ts'
import { toStoredKey } from '../database/stored-text.ts'
import type { KeyName } from '../names.ts'

/**
 * Keeps all other writers of a key waiting until the transaction `sql` ends, the indexer included. What is read of the key after this is
 * still true when the transaction writes.
 */
export async function lockKey(sql: Sql, { bucket, key }: KeyName): Promise<void> {
  await sql`select catalog.lock_key(${bucket}, ${toStoredKey(key)})`
}
