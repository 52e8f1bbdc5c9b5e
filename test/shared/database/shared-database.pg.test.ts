import { join } from 'node:path'
import { expect } from 'vitest'
import { logAudit } from '../../../shared/catalog/audit.ts'
import { cleanupOldAudits } from '../../../shared/catalog/audit-retention.ts'
import { logHookExecution } from '../../../shared/catalog/hooks.ts'
import { getObjectMetadata, listObjects, recordObject } from '../../../shared/catalog/objects.ts'
import { getStatistics } from '../../../shared/catalog/statistics.ts'
import { annotateVersion, listVersions } from '../../../shared/catalog/versions.ts'
import type { Sql } from '../../../shared/database/connection.ts'
import { describeSchema } from '../../../shared/database/describe-schema.ts'
import { migrate } from '../../../shared/database/migrate.ts'
import { searchObjects } from '../../../shared/search/search.ts'
import { emptyDatabaseTest as test } from '../../support/postgres/database.ts'

const folder = join(import.meta.dirname, '../../../migrations')

const TABLES = [
  ...['objects', 'versions', 'audit', 'audit_past', 'tombstones', 'hooks', 'counters', 'audit_hours', 'reconciles'].map(
    name => `storage_${name}`,
  ),
  'migrations',
]

/** Another application of the same database, with our names for its own things. */
async function otherApplication(sql: Sql): Promise<void> {
  for (const table of TABLES) await sql`create table ${sql(`public.${table}`)} (note text)`
  await sql
    .unsafe(`
      create type observation as enum ('rain', 'sun');
      create function fold(input text) returns text language sql return 'not ours';
      create function apply_observations(text, timestamptz, jsonb, jsonb, jsonb) returns text[] language sql return null::text[];
      create function lower(varchar) returns text language sql return 'not ours';
      grant usage, create on schema public to public;`)
    .simple()
}

/** All that is outside of our schema: relations, functions, types, extensions, and who may what. */
async function outside(sql: Sql): Promise<unknown[]> {
  return [
    ...(await sql`
      select 'database' as kind, datname::text as name, datacl::text as acl from pg_database where datname = current_database()
      union all
      select 'schema', nspname, nspacl::text from pg_namespace where nspname <> 'catalog'
      union all
      select 'extension', extname, null from pg_extension where extnamespace <> 'catalog'::regnamespace
      union all
      select 'relation', oid::regclass::text, relacl::text from pg_class where relnamespace = 'public'::regnamespace
      union all
      select 'function', oid::regprocedure::text, proacl::text from pg_proc where pronamespace = 'public'::regnamespace
      union all
      select 'type', oid::regtype::text, typacl::text from pg_type where typnamespace = 'public'::regnamespace
      union all
      select 'default privileges', defaclnamespace::regnamespace::text, defaclacl::text from pg_default_acl
      union all
      select 'setting', setrole::regrole::text, setconfig::text from pg_db_role_setting
      where setdatabase in (0, (select oid from pg_database where datname = current_database()))
      order by 1, 2
    `),
  ]
}

test('migrating changes nothing outside of the schema catalog', async ({ sql }) => {
  await sql`create schema catalog`
  await otherApplication(sql)
  const before = await outside(sql)
  await migrate(sql, { folder })
  expect(await outside(sql)).toEqual(before)
})

test('a database without connect for public lets the roles of the catalog connect', async ({ sql, database }) => {
  const name = new URL(database.url).pathname.slice(1)
  await sql`revoke connect on database ${sql(name)} from public`
  await migrate(sql, { folder })
  const rows = await sql`
    select rolname as name
    from pg_roles
    where rolname ~ '^catalog_(api|indexer|pruner|reconciler)$' and has_database_privilege(oid, current_database(), 'connect')`
  expect(rows).toHaveLength(4)
})

test('beside tables and functions of the same names, the catalog reads and writes its own', async ({ sql }) => {
  await otherApplication(sql)
  await migrate(sql, { folder })
  const name = { bucket: 'docs', key: 'Reports/März 2024.pdf' }
  await recordObject(sql, { ...name, versionId: 'v1', size: 1, contentType: 'application/pdf' })
  await annotateVersion(sql, { ...name, versionId: 'v1', comment: 'seen', tags: { year: '2024' } })
  await logAudit(sql, { action: 'DOWNLOAD', ...name })
  await logHookExecution(sql, { hookName: 'scan', eventType: 'put', executionTimeMs: 1, success: true })
  expect(await getObjectMetadata(sql, name)).toMatchObject({ versionId: 'v1', tags: { year: '2024' } })
  expect((await searchObjects(sql, { query: 'marz 2024' })).items).toMatchObject([name])
  expect((await listObjects(sql, { bucket: 'docs', delimiter: '/' })).prefixes).toEqual(['Reports/'])
  expect((await listVersions(sql, name)).items).toMatchObject([{ comment: 'seen' }])
  expect(await getStatistics(sql)).toMatchObject({ objects: 1, auditsLast24h: 1 })
  expect(await cleanupOldAudits(sql, { retentionDays: 1 })).toEqual({ droppedPartitions: [], deletedRows: 0 })
  for (const table of TABLES) expect(await sql`select from ${sql(`public.${table}`)}`).toHaveLength(0)
})

test('an extension that another application has installed is used where it is', async ({ sql }) => {
  await sql`create extension btree_gin`
  await migrate(sql, { folder })
  expect([
    ...(await sql`select extnamespace::regnamespace::text as schema from pg_extension where extname = 'btree_gin'`),
  ]).toEqual([{ schema: 'public' }])
  await recordObject(sql, { bucket: 'docs', key: 'invoice', size: 1 })
  expect((await searchObjects(sql, { query: 'invoice' })).items).toHaveLength(1)
  expect(await describeSchema(sql)).toContain('create extension btree_gin;')
})

test('a schema catalog of another application is refused', async ({ sql }) => {
  await sql`create schema catalog`
  await sql`create table catalog.product (name text)`
  await expect(migrate(sql, { folder })).rejects.toThrow('The schema "catalog" of this database belongs to another application')
  expect([...(await sql`select relname from pg_class where relnamespace = 'catalog'::regnamespace`)]).toEqual([
    { relname: 'product' },
  ])
})
