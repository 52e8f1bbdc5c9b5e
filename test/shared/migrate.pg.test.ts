import { expect } from 'vitest'
import { databaseTest } from '../support/database.ts'

databaseTest('the migrations make the four tables', async ({ sql }) => {
  const tables =
    await sql`select relname from pg_class where relname = any(${['storage_objects', 'storage_versions', 'storage_audit', 'storage_hooks']}) order by 1`
  expect(tables.map(table => table.relname)).toEqual(['storage_audit', 'storage_hooks', 'storage_objects', 'storage_versions'])
})
