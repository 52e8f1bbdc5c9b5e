import { expect } from 'vitest'
import { cleanupTombstones } from '../../../shared/catalog/tombstones.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'

test('tombstones older than 30 days go, in batches, younger ones stay', async ({ sql }) => {
  await sql`
    insert into catalog.storage_tombstones (bucket, key, version_id, observed_at, created_at)
    select 'b', n::text, 'v', 'infinity', now() - make_interval(days => n)
    from generate_series(1, 60) as n
  `
  expect(await cleanupTombstones(sql, { batchSize: 7 })).toBe(31)
  expect(
    await sql`select count(*), min(created_at) > now() - interval '30 days' as young from catalog.storage_tombstones`,
  ).toEqual([{ count: 29, young: true }])
})
