import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { logAudit } from '../../../shared/catalog/audit.ts'
import { logHookExecution } from '../../../shared/catalog/hooks.ts'
import { recordObject } from '../../../shared/catalog/objects.ts'
import type { Client } from '../../../shared/database/connection.ts'
import { migrate } from '../../../shared/database/migrate.ts'
import { DATABASE_OWNER, DATABASE_ROLES } from '../../../shared/database/roles.ts'
import { type FakeRds, fakeRds } from '../../support/postgres/rds.ts'

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
  ['select from catalog.storage_objects', api],
  ['select metadata from catalog.storage_versions', api, reconciler],
  ['select etag from catalog.storage_versions', indexer, api, reconciler],
  ['select from catalog.storage_tombstones', pruner, reconciler],
  ['select from catalog.storage_audit', api, pruner],
  ['select from catalog.storage_audit_past', pruner],
  ['select from catalog.storage_hooks', api],
  ['select from catalog.storage_counters', api],
  ['select from catalog.storage_audit_hours', api],
  ['select from catalog.storage_reconciles', api, reconciler],
  ['select from catalog.migrations'],

  ["insert into catalog.storage_objects (bucket, key, size, last_modified) values ('docs', 'x', 1, now())"],
  ['update catalog.storage_objects set size = 2'],
  ['delete from catalog.storage_objects'],
  ["insert into catalog.storage_versions (bucket, key, size, last_modified) values ('docs', 'x', 1, now())"],
  ["update catalog.storage_versions set comment = 'x'"],
  ['delete from catalog.storage_versions'],
  ["insert into catalog.storage_tombstones (bucket, key, version_id, observed_at) values ('docs', 'k', 'v', 'infinity')"],
  ["update catalog.storage_tombstones set observed_at = 'infinity'"],
  ['delete from catalog.storage_tombstones', pruner],
  ['update catalog.storage_counters set bytes = 0'],
  ['update catalog.storage_audit_hours set entries = 0'],
  ['delete from catalog.migrations'],

  ["insert into catalog.storage_audit (action) values ('REVIEW')", api, pruner],
  ["insert into catalog.storage_audit (action, source) values ('REVIEW', 'api')", api, pruner],
  ["insert into catalog.storage_audit (action, source, event_id) values ('UPLOAD', 'event', 'e')", pruner],
  ["insert into catalog.storage_audit (action, recorded_at) values ('REVIEW', '2000-01-01')", pruner],
  ['update catalog.storage_audit set success = false'],
  ['delete from catalog.storage_audit', pruner],
  ['truncate catalog.storage_audit'],
  ['alter table catalog.storage_audit disable trigger user', pruner],
  ["insert into catalog.storage_hooks (hook_name, event_type, execution_time_ms, success) values ('a', 'b', 1, true)", api],
  ['update catalog.storage_hooks set success = false'],
  ['delete from catalog.storage_hooks'],
  ["insert into catalog.storage_reconciles (bucket) values ('docs')", api, reconciler],
  ['update catalog.storage_reconciles set stop_requested_at = now()', api, reconciler],
  ['update catalog.storage_reconciles set lease = null', reconciler],
  ['update catalog.storage_reconciles set finished_at = now()', reconciler],
  ['delete from catalog.storage_reconciles'],

  ["select catalog.apply_observations(now(), '[]')", indexer, api, reconciler],
  ["select catalog.annotate_version('docs', 'k', 'v', '{}')", api],
  ["select catalog.words_query('invoice', false)", api],
  ['select catalog.prune_audit_entries(now(), 0)', pruner],
  ['select catalog.ensure_audit_partitions(3)', pruner],
  ["select catalog.extend_past_partition('2000-01-01')", pruner],
  ["select catalog.attach_audit_partition('x', 'minvalue', 'maxvalue')"],
  ["select catalog.lock_keys('{docs}', '{k}')"],
  ["select catalog.lock_key('docs', 'k')", api],
  ["select catalog.forget_versions('docs', '[]')", api],
  ["select catalog.give_to_pruner('catalog.storage_objects')"],
  ['select catalog.add_to_counters(array[]::catalog.counter_delta[])'],

  ['create table x ()'],
  ['create table catalog.x ()'],
  ['create schema x'],
  ['create role x'],
  ['create function catalog.x() returns void language sql begin atomic; end'],
  ['drop table catalog.storage_hooks'],
  ['alter table catalog.storage_versions disable trigger user'],
  ['alter function catalog.apply_observations security invoker'],
  [`set local role ${DATABASE_OWNER}`],
  [`set local role ${api}`, api],
  ['set local session_replication_role = replica'],
]

test.each(STATEMENTS)('only those whose work it is may: %s', async (statement, ...may) => {
  const states: [string, string][] = []
  for (const role of [indexer, api, pruner, reconciler, stranger]) states.push([role, await stateOf(role, statement)])
  expect(states).toEqual(states.map(([role]) => [role, may.includes(role) ? 'done' : '42501']))
})

test('a role without grants may call no function of the catalog', async () => {
  const open = await owner`
    select p.oid::regprocedure::text as name
    from pg_proc p
    where p.pronamespace = 'catalog'::regnamespace and has_function_privilege(${stranger}, p.oid, 'execute')
      and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')`
  expect([...open]).toEqual([])
})

describe('a function that acts as another role than its caller', () => {
  test('finds its tables whatever the search path of the caller', async () => {
    const observed = {
      key: 'path',
      version_id: 'v',
      state: 'present',
      is_verified: true,
      claims_latest: true,
      size: 1,
      sequencer: '',
    }
    const audited = { action: 'UPLOAD', key: 'path', occurred_at: '2026-01-01', metadata: {}, event_id: 'e' }
    const batch = { bucket: 'docs', observed: [{ ...observed, last_modified: new Date() }], confirmed: [], audited: [audited] }
    await as(indexer).begin(async tx => {
      await tx`set local search_path = pg_temp`
      await tx`select catalog.apply_observations(now(), ${JSON.stringify([batch])}::text::jsonb)`
    })
    await as(api).begin(async tx => {
      await tx`set local search_path = pg_temp`
      await tx`select catalog.annotate_version('docs', 'path', 'v', '{"comment": "seen", "tags": {"a": "b"}}')`
      await tx`insert into catalog.storage_audit (action) values ('REVIEW')`
    })
    const [version] = await owner`
      select v.comment, o.tags from catalog.storage_versions v join catalog.storage_objects o using (bucket, key) where key = 'path'`
    expect(version).toEqual({ comment: 'seen', tags: { a: 'b' } })
  })

  test('has a search path of its own that ends with pg_temp, and acts as the owner, or as the pruner to delete audit entries', async () => {
    const rows = await owner`
      select proname as name, proconfig::text like '%"search_path=catalog, pg_temp"%' as "hasPath", proowner::regrole::text as owner
      from pg_proc
      where prosecdef
      order by 1`
    const names = [
      'annotate_version',
      'apply_observations',
      'count_audit_entries',
      'ensure_audit_partitions',
      'forget_versions',
      'lock_key',
    ]
    expect([...rows]).toEqual([
      ...names.map(name => ({ name, hasPath: true, owner: DATABASE_OWNER })),
      { name: 'prune_audit_entries', hasPath: true, owner: pruner },
    ])
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
