import postgres from 'postgres'
import type { Client } from './connection.ts'
import { type FunctionFile, type MigrationFile, readMigrations } from './migration-files.ts'

/** File names, in order: what this call applied, and what needed nothing or was applied by another runner meanwhile. */
export type MigrationReport = { applied: string[]; already: string[] }

/**
 * Applies the files of a migrations folder (`readMigrations`) and records them in `catalog.migrations`. Tables: each file once, in a
 * transaction of its own. Functions: those whose file, or a file that they require, is new or changed, all in one transaction, in which
 * the functions whose file is gone are dropped. Any number of runners may start at once. Throws before applying anything when a file is
 * not valid or a table file has changed since it was applied; a file that fails leaves no trace, and the error names it and the line.
 */
export async function migrate(sql: Client, options: { folder: string; log?: (line: string) => void }): Promise<MigrationReport> {
  const log = options.log ?? (() => undefined)
  const { tables, functions } = await readMigrations(options.folder)
  await sql.begin(async tx => {
    await lock(tx)
    await createRecord(tx)
    refuseChanges(tables, await recorded(tx))
  })
  const applied: string[] = []
  for (const file of tables) {
    const milliseconds = await sql.begin(tx => applyTable(tx, file))
    if (milliseconds === undefined) continue
    applied.push(file.name)
    log(`applied ${file.name} in ${milliseconds} ms`)
  }
  const replaced = await sql.begin(tx => applyFunctions(tx, functions))
  if (replaced.length > 0)
    log(`applied ${replaced.length} functions: ${replaced.map(({ functionName }) => functionName).join(', ')}`)
  applied.push(...replaced.map(({ name }) => name))
  const already = [...tables, ...functions].map(({ name }) => name).filter(name => !applied.includes(name))
  log(`${applied.length} applied, ${already.length} already there`)
  return { applied, already }
}

type Transaction = postgres.TransactionSql<{ int8: number }>

type Recorded = Pick<MigrationFile, 'name' | 'sha256'>

/** Any number will do that nothing else locks: the first bytes of sha256('storage_migrations'). */
const LOCK_KEY = 0x5ca7a106

/** Held until the transaction ends: behind RDS Proxy the next transaction may run on another connection, so a session lock would be lost. */
async function lock(tx: Transaction): Promise<void> {
  // Waiting for another runner, and work on a large table, may take longer than any request is allowed to.
  await tx`select set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)`
  await tx`select pg_advisory_xact_lock(${LOCK_KEY})`
}

/** Begins the comment of our schema, by which it is recognised. */
const SCHEMA_COMMENT = 'Storage Catalog'

async function createRecord(tx: Transaction): Promise<void> {
  const [schema] = await tx<{ isOurs: boolean; isEmpty: boolean }[]>`
    select coalesce(obj_description(oid, 'pg_namespace') ^@ ${SCHEMA_COMMENT}, false) as "isOurs",
      not exists (select from pg_class where relnamespace = n.oid) as "isEmpty"
    from pg_namespace n
    where nspname = 'catalog'`
  if (schema?.isOurs) return
  if (schema && !schema.isEmpty) throw new Error('The schema "catalog" of this database belongs to another application')
  await tx
    .unsafe(`
    create schema if not exists catalog;
    comment on schema catalog is '${SCHEMA_COMMENT}: what is in the buckets, its history, and who did what.';
    create table catalog.migrations (
      name text collate "C" primary key,
      sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
      applied_at timestamptz not null default now(),
      duration_ms integer not null check (duration_ms >= 0)
    );
    comment on table catalog.migrations is 'The files of the migrations folder that were applied to this database.';
    comment on column catalog.migrations.name is 'Path of the file in the folder: NNNN_noun.sql, or functions/.../name.sql.';
    comment on column catalog.migrations.sha256 is
      'SHA-256 in hex of the file with line feeds only. A table file must not change; a function file that changes is applied again.';
    comment on column catalog.migrations.applied_at is 'When the transaction that last applied the file began.';
    comment on column catalog.migrations.duration_ms is 'How long that took, in milliseconds.';
  `)
    .simple()
}

async function recorded(tx: Transaction): Promise<Recorded[]> {
  return tx<Recorded[]>`
    select name, sha256
    from catalog.migrations
    order by name`
}

function refuseChanges(tables: MigrationFile[], all: Recorded[]): void {
  const applied = all.filter(({ name }) => !name.startsWith('functions/'))
  for (const [index, { name, sha256 }] of applied.entries()) {
    const file = tables.find(file => file.name === name)
    if (!file) throw new Error(`${name} was applied to this database, but is missing here: is this an older version?`)
    if (file.sha256 !== sha256)
      throw new Error(`${name} was changed after it was applied: restore it, and write a new file with the next number`)
    if (tables[index] !== file)
      throw new Error(`${name} was applied before ${tables[index]?.name}: they must be applied in order`)
  }
}

/** Milliseconds it took, or undefined when it is applied already. */
async function applyTable(tx: Transaction, file: MigrationFile): Promise<number | undefined> {
  await lock(tx)
  const [found] = await tx`select true from catalog.migrations where name = ${file.name}`
  return found ? undefined : run(tx, file)
}

async function applyFunctions(tx: Transaction, files: FunctionFile[]): Promise<FunctionFile[]> {
  await lock(tx)
  const hashes = new Map((await recorded(tx)).map(({ name, sha256 }) => [name, sha256]))
  const stale = new Set<string>()
  for (const { name, sha256, functionName, requires } of files) {
    if (hashes.get(name) !== sha256 || requires.some(required => stale.has(required))) stale.add(functionName)
  }
  const changed = files.filter(({ functionName }) => stale.has(functionName))
  for (const file of changed) await run(tx, file)
  const gone = [...hashes.keys()].filter(name => name.startsWith('functions/') && !files.some(file => file.name === name))
  for (const name of gone) await forget(tx, name, files)
  return changed
}

/** Runs a file and records it. Returns the milliseconds it took. */
async function run(tx: Transaction, file: MigrationFile): Promise<number> {
  const start = performance.now()
  await tx
    .unsafe(file.text)
    .simple()
    .catch((error: unknown) => {
      throw located(file, error)
    })
  const milliseconds = Math.round(performance.now() - start)
  await tx`
    insert into catalog.migrations (name, sha256, duration_ms)
    values (${file.name}, ${file.sha256}, ${milliseconds})
    on conflict (name) do update
    set sha256 = excluded.sha256, applied_at = excluded.applied_at, duration_ms = excluded.duration_ms`
  return milliseconds
}

/** Drops the function of a file that is gone, with its triggers, unless the file was only moved. What else needs it makes this fail. */
async function forget(tx: Transaction, name: string, files: FunctionFile[]): Promise<void> {
  await tx`delete from catalog.migrations where name = ${name}`
  const functionName = name.replace(/^.*\//, '').replace(/\.sql$/, '')
  if (files.some(file => file.functionName === functionName)) return
  const drops = await tx<{ statement: string }[]>`
    select format('drop trigger %I on %s', t.tgname, t.tgrelid::regclass) as statement
    from pg_trigger t
    join pg_proc p on p.oid = t.tgfoid
    where p.pronamespace = 'catalog'::regnamespace and p.proname = ${functionName} and t.tgparentid = 0
    union all
    select format('drop function %s', p.oid::regprocedure)
    from pg_proc p
    where p.pronamespace = 'catalog'::regnamespace and p.proname = ${functionName}`
  for (const { statement } of drops) {
    await tx.unsafe(statement).catch((error: unknown) => {
      throw located({ name: `${name} is gone, but ${statement} failed`, text: '' }, error)
    })
  }
}

/** Without the driver's error as its cause, which carries the whole text of the file. */
function located(file: Pick<MigrationFile, 'name' | 'text'>, error: unknown): unknown {
  if (!(error instanceof postgres.PostgresError)) return error
  // Postgres counts characters from 1; JavaScript's strings count some characters twice.
  const before = [...file.text].slice(0, Number(error.position) - 1).join('')
  const line = error.position ? `, line ${before.split('\n').length}` : ''
  const more = [error.detail, error.hint, error.where].filter(Boolean).map(text => `\n${text}`)
  return new Error(`${file.name}${line}: ${error.message} (${error.code})${more.join('')}`)
}
