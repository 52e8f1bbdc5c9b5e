import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Client } from '../../../shared/database/connection.ts'
import { migrate } from '../../../shared/database/migrate.ts'
import { DATABASE_OWNER, DATABASE_ROLES } from '../../../shared/database/roles.ts'
import { FUNCTIONS, type FunctionRow, functionNames } from '../../../shared/functions.ts'
import { type FakeRds, fakeRds } from '../../support/postgres/rds.ts'

const MIGRATIONS = join(import.meta.dirname, '../../../migrations')

const roles = Object.values(DATABASE_ROLES)

let rds: FakeRds
let folder: string
const signedIn: Client[] = []

/** Four databases of a new cluster, migrated at the same time. */
const databases = ['catalog', 'second', 'third', 'fourth']

beforeAll(async () => {
  rds = await fakeRds()
  folder = await mkdtemp(join(tmpdir(), 'storage-catalog-roles-'))
  for (const name of databases) await rds.createDatabase(name)
  await Promise.all(databases.map(name => migrate(signIn(DATABASE_OWNER, name), { folder: MIGRATIONS })))
})

afterAll(async () => {
  await Promise.all(signedIn.map(sql => sql.end()))
  await rds[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

function signIn(role: string, database = 'catalog'): Client {
  const sql = rds.signIn(role, database)
  signedIn.push(sql)
  return sql
}

describe('a master user who is no superuser', () => {
  test('migrates several databases of a cluster at once, and each role signs in to all of them, as nothing special', async () => {
    for (const name of databases) {
      for (const role of roles) expect([...(await signIn(role, name)`select current_user as name`)]).toEqual([{ name: role }])
    }
    const found = await rds.admin`
      select rolname as name, rolpassword is null as "hasNoPassword", pg_has_role(rolname, 'rds_iam', 'usage') as "isOfIam",
        rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls as "isSpecial"
      from pg_authid
      where rolname = any (${JSON.stringify(roles).replace('[', '{').replace(']', '}')}::text[])
      order by rolname`
    expect([...found]).toEqual(roles.toSorted().map(name => ({ name, hasNoPassword: true, isOfIam: true, isSpecial: false })))
  })

  test('a statement of each role ends before the function that sent it', async () => {
    for (const name of functionNames('queue', 'api', 'schedule')) {
      const { timeout, database }: FunctionRow = FUNCTIONS[name]
      const [row] = await signIn(database.user)`
        select extract(epoch from current_setting('statement_timeout')::interval)::int as seconds
      `
      expect(row).toEqual({ seconds: database.statementTimeout })
      expect(database.statementTimeout).toBeLessThan(timeout)
    }
  })

  test('migrates the audit trail again, and acts as each role', async () => {
    await cp(MIGRATIONS, folder, { recursive: true })
    const next = (await readdir(folder)).filter(name => /^\d/.test(name)).length + 1
    const name = `${String(next).padStart(4, '0')}_more.sql`
    await writeFile(
      join(folder, name),
      `alter table catalog.storage_audit add column region text;
      create index storage_audit_region on catalog.storage_audit (region);
      create trigger storage_audit_again after insert on catalog.storage_audit
        referencing new table as added for each statement execute function catalog.count_audit_entries();
      create or replace function catalog.extend_past_partition(upper_bound timestamptz) returns void language sql begin atomic; select; end;
      select catalog.ensure_audit_partitions(4);
      insert into catalog.storage_audit (action, region) values ('MOVE', 'eu');`,
    )
    const owner = signIn(DATABASE_OWNER, 'second')
    expect((await migrate(owner, { folder })).applied).toEqual([name])
    expect(await foreignAudit(owner)).toEqual([])
    for (const role of roles) {
      const acting = await owner.begin(async tx => {
        await tx`select set_config('role', ${role}, true)`
        return tx`select current_user as name`
      })
      expect([...acting]).toEqual([{ name: role }])
    }
  })

  test('a user who may not create roles gets an error with the statements that are needed, and they suffice', async () => {
    await rds.admin`create role plain login in role rds_iam`
    await rds.createDatabase('plain', 'plain')
    const plain = signIn('plain', 'plain')
    const hints: string[] = []
    for (;;) {
      const error = await migrate(plain, { folder: MIGRATIONS }).catch((error: Error) => error)
      if (!(error instanceof Error)) break
      expect(error.message).toMatch(/^0001_roles.sql: The database role catalog_\w+ is not set up, and plain may not do it/)
      const [, command = ''] = /let such a role run: create role \w+ login; (grant .*;)/.exec(error.message) ?? []
      expect(hints).not.toContain(command)
      hints.push(command)
      await rds.admin.unsafe(command).simple()
    }
    expect(hints).toHaveLength(roles.length)
    expect(await foreignAudit(plain)).toEqual([])
  })
})

/** Partitions that do not belong to the pruner. */
async function foreignAudit(sql: Client): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select relname as name
    from pg_class
    where relname ~ '^storage_audit(_past|_\\d|$)' and relkind in ('r', 'p') and relowner <> 'catalog_pruner'::regrole`
  return rows.map(({ name }) => name)
}
