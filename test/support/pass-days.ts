import type { Sql } from '../../shared/database/connection.ts'

/**
 * As if so many days had passed for these buckets: every time that the catalog compares is moved back, because the database's clock cannot
 * be moved forward.
 */
export async function passDays(sql: Sql, days: number, buckets = ['docs']): Promise<void> {
  await sql`
    update catalog.storage_versions
    set observed_at = observed_at - make_interval(days => ${days}), latest_at = latest_at - make_interval(days => ${days})
    where bucket in ${sql(buckets)}
  `
  await sql`
    update catalog.storage_tombstones
    set observed_at = observed_at - make_interval(days => ${days}), created_at = created_at - make_interval(days => ${days})
    where bucket in ${sql(buckets)}
  `
}
