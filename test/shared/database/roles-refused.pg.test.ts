import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { logAudit } from '../../../shared/catalog/audit.ts'
import { logHookExecution } from '../../../shared/catalog/hooks.ts'
import { recordObject } from '../../../shared/catalog/objects.ts'
import type { Client } from '../../../shared/database/connection.ts'
import { migrate } from '../../../shared/database/migrate.ts'
import { DATABASE_OWNER, DATABASE_ROLES } from '../../../shared/database/roles.ts'
import { type FakeRds, fakeRds } from '../../support/rds.ts'

const { indexer, api, pruner, reconciler } = DATABASE_ROLES

/** Signs in and was granted nothing: what it may, everybody may. */
const stranger = 'stranger'

let rds: FakeRds
let owner: Client
const clients = new Map<string, Client>()

beforeAll(async () => {
  rds = await fakeRds()
  await rds.createDatabase('catalog')
  await rds.admin`create role stranger login in role rds_iam`
  for (const role of [DATABASE_OWNER, indexer, api, pruner, reconciler, stranger]) clients.set(role, rds.signIn(role, 'catalog'))
  owner = clients.get(DATABASE_OWNER) as Client
  await migrate(owner, { folder: join(import.meta.dirname, '../../../migrations') })
  await recordObject(owner, { bucket: 'docs', key: 'k', size: 1, versionId: 'v' })
  await logAudit(owner, { action: 'UPLOAD', bucket: 'docs', key: 'k' })
  await logHookExecution(owner, { hookName: 'scan', eventType: 'put', executionTimeMs: 1, success: true })
})

afterAll(async () => {
  await Promise.all([...clients.values()].map(sql => sql.end()))
  await rds[Symbol.asyncDispose]()
})

/** Statements, and which roles may. All others are refused. */
const STATEMENTS: [statement: string, ...may: string[]][] = [
  ['select from storage_objects', api],
  ['select from storage_versions', indexer, api, reconciler],
  ['select from storage_tombstones', pruner],
  ['select from storage_audit', api, pruner],
  ['select from storage_audit_past', pruner],
  ['select from storage_hooks', api],
  ['select from storage_counters', api],
  ['select from storage_audit_hours', api],
  ['select from storage_reconciles', reconciler],
  ['select from storage_migrations'],

  ["insert into storage_objects (bucket, key, size, last_modified) values ('docs', 'x', 1, now())"],
  ['update storage_objects set size = 2'],
  ['delete from storage_objects'],
  ["insert into storage_versions (bucket, key, size, last_modified) values ('docs', 'x', 1, now())"],
  ["update storage_versions set comment = 'x'"],
  ['delete from storage_versions'],
  ["insert into storage_tombstones (bucket, key, version_id, observed_at) values ('docs', 'k', 'v', 'infinity')"],
  ["update storage_tombstones set observed_at = 'infinity'"],
  ['delete from storage_tombstones', pruner],
  ['update storage_counters set bytes = 0'],
  ['update storage_audit_hours set entries = 0'],
  ['delete from storage_migrations'],

  ["insert into storage_audit (action) values ('REVIEW')", api, pruner],
  ['update storage_audit set success = false'],
  ['delete from storage_audit'],
  ['truncate storage_audit'],
  ['alter table storage_audit disable trigger user', pruner],
  ["insert into storage_hooks (hook_name, event_type, execution_time_ms, success) values ('a', 'b', 1, true)", api],
  ['update storage_hooks set success = false'],
  ['delete from storage_hooks'],
  ["insert into storage_reconciles (bucket) values ('docs')", reconciler],
  ['update storage_reconciles set finished_at = now()', reconciler],
  ['delete from storage_reconciles'],

  ["select apply_observations('docs', now(), '[]', '[]', '[]')", indexer, api, reconciler],
  ["select annotate_version('docs', 'k', 'v', '{}')", api],
  ["select catalog_query('invoice', false)", api],
  ['select prune_audit_rows(now(), 0)', pruner],
  ['select ensure_audit_partitions(3)', pruner],
  ["select extend_audit_past('2000-01-01')", pruner],
  ["select attach_audit_partition('x', 'minvalue', 'maxvalue')"],
  ["select give_to_pruner('storage_objects')"],
  ['select add_to_counters(array[]::counter_delta[])'],

  ['create table x ()'],
  ['create temporary table x ()'],
  ['create schema x'],
  ['create role x'],
  ['create function x() returns void language sql begin atomic; end'],
  ['drop table storage_hooks'],
  ['alter table storage_versions disable trigger user'],
  ['alter function apply_observations security invoker'],
  [`set local role ${DATABASE_OWNER}`],
  [`set local role ${api}`, api],
  ['set local session_replication_role = replica'],
]

test.each(STATEMENTS)('only those whose work it is may: %s', async (statement, ...may) => {
  const states: [string, string][] = []
  for (const role of [indexer, api, pruner, reconciler, stranger]) states.push([role, await stateOf(role, statement)])
  expect(states).toEqual(states.map(([role]) => [role, may.includes(role) ? 'done' : '42501']))
})

test('nobody may call a function of the catalog by being there', async () => {
  const open = await owner`
    select p.oid::regprocedure::text as name
    from pg_proc p
    where p.pronamespace = 'public'::regnamespace and has_function_privilege(${stranger}, p.oid, 'execute')
      and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')`
  expect([...open]).toEqual([])
})

describe('a function that acts as the owner', () => {
  test('finds its tables whatever the search path of the caller', async () => {
    const observed = { key: 'path', version_id: 'v', state: 'present', seen: true, claims_latest: true, size: 1, sequencer: '' }
    const rows = JSON.stringify([{ ...observed, last_modified: new Date() }])
    await as(indexer).begin(async tx => {
      await tx`set local search_path = pg_temp`
      await tx`select public.apply_observations('docs', now(), ${rows}::text::jsonb, '[]', '[{"action": "UPLOAD", "key": "path", "occurred_at": "2026-01-01", "metadata": {}}]')`
    })
    await as(api).begin(async tx => {
      await tx`set local search_path = pg_temp`
      await tx`select public.annotate_version('docs', 'path', 'v', '{"comment": "seen", "tags": {"a": "b"}}')`
      await tx`insert into public.storage_audit (action) values ('REVIEW')`
    })
    const [version] = await owner`
      select v.comment, o.tags from storage_versions v join storage_objects o using (bucket, key) where key = 'path'`
    expect(version).toEqual({ comment: 'seen', tags: { a: 'b' } })
  })

  test('has a path of its own that ends with what is temporary, and belongs to the owner', async () => {
    const rows = await owner`
      select proname as name, proconfig::text like '%"search_path=public, pg_temp"%' as "hasPath"
      from pg_proc
      where prosecdef and proowner = ${DATABASE_OWNER}::regrole
      order by 1`
    const names = ['annotate_version', 'apply_observations', 'ensure_audit_partitions', 'storage_audit_count']
    expect([...rows]).toEqual(names.map(name => ({ name, hasPath: true })))
  })
})

function as(role: string): Client {
  return clients.get(role) as Client
}

/** What became of a statement, which is undone: `done`, or the SQLSTATE of its refusal. */
async function stateOf(role: string, statement: string): Promise<string> {
  let state = 'done'
  await as(role)
    .begin(async tx => {
      await tx.unsafe(statement)
      throw new Undone()
    })
    .catch((error: Error & { code?: string }) => {
      if (!(error instanceof Undone)) state = error.code ?? String(error)
    })
  return state
}

class Undone extends Error {}
