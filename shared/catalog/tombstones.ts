import type { Sql } from '../database/connection.ts'

/** Removes tombstones that are older than any event can be late, in days. Returns how many. */
export async function cleanupTombstones(sql: Sql, { olderThanDays = 30, batchSize = 10_000 } = {}): Promise<number> {
  for (let deleted = 0; ; ) {
    const { count } = await sql`
      delete from catalog.storage_tombstones
      where ctid = any (array(
          select ctid
          from catalog.storage_tombstones
          where created_at < now() - make_interval(days => ${olderThanDays})
          limit ${batchSize}
          for update skip locked
        ))
    `
    deleted += count
    if (count < batchSize) return deleted
  }
}
