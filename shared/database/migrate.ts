import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import postgres from 'postgres'
import type { Client } from './connection.ts'

/** File names, in order: what this call applied, and what was there before or was applied by another runner meanwhile. */
export type MigrationReport = { applied: string[]; already: string[] }

/**
 * Applies the `NNNN_noun.sql` files of a folder, numbered from 0001 without gaps, each once and in a transaction of its own, and records
 * them in `storage_migrations`. Any number of runners may start at once. Throws before applying anything when a name, a number or a
 * recorded file is not as it must be; a file that fails leaves no trace, and the error names it and the line.
 */
export async function migrate(sql: Client, options: { folder: string; log?: (line: string) => void }): Promise<MigrationReport> {
  const log = options.log ?? (() => undefined)
  const files = await readMigrations(options.folder)
  await sql.begin(async tx => {
    await lock(tx)
    await createRecord(tx)
    refuseDrift(files, await recorded(tx))
  })
  const report: MigrationReport = { applied: [], already: [] }
  for (const file of files) {
    const milliseconds = await sql.begin(tx => apply(tx, file))
    report[milliseconds === undefined ? 'already' : 'applied'].push(file.name)
    if (milliseconds !== undefined) log(`applied ${file.name} in ${milliseconds} ms`)
  }
  log(`${report.applied.length} applied, ${report.already.length} already there`)
  return report
}

type Transaction = postgres.TransactionSql<{ int8: number }>

type Migration = { name: string; text: string; sha256: string }

type Recorded = Pick<Migration, 'name' | 'sha256'>

/** Generated from the migrations, kept beside them. */
const SCHEMA_FILE = 'schema.sql'

const NAME = /^(\d{4})_[a-z][a-z0-9_]*\.sql$/

async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter(name => /\.sql$/i.test(name) && name !== SCHEMA_FILE).sort()
  for (const [index, name] of names.entries()) {
    const number = NAME.exec(name)?.[1]
    if (!number) throw new Error(`${name} is no migration's name: expected NNNN_noun.sql`)
    if (Number(number) === index) throw new Error(`${name} has the same number as ${names[index - 1]}`)
    if (Number(number) !== index + 1)
      throw new Error(`${name} leaves a gap: number ${String(index + 1).padStart(4, '0')} is missing`)
  }
  return Promise.all(names.map(name => readMigration(folder, name)))
}

/** As `commit;` at the start of a line; in a function's body `begin` has no semicolon. */
const TRANSACTION_CONTROL = /^\s*(begin|start\s+transaction|commit|rollback)\s*;/im

async function readMigration(folder: string, name: string): Promise<Migration> {
  // A checkout on Windows may have other line ends; the file is the same.
  const text = (await readFile(join(folder, name), 'utf8')).replaceAll('\r\n', '\n')
  if (text.startsWith('-- no transaction')) throw new Error(`${name} asks for no transaction: each migration runs in one`)
  const control = TRANSACTION_CONTROL.exec(text)
  if (control)
    throw new Error(
      `${name}, line ${lineAt(text, control.index + control[0].length)}: a migration can't end or begin a transaction`,
    )
  return { name, text, sha256: createHash('sha256').update(text).digest('hex') }
}

/** Any number will do that nothing else locks: the first bytes of sha256('storage_migrations'). */
const LOCK_KEY = 0x5ca7a106

/** Held until the transaction ends: behind RDS Proxy a lock of the session would be somebody else's a moment later. */
async function lock(tx: Transaction): Promise<void> {
  // Waiting for another runner, and work on a large table, may take longer than any request is allowed to.
  await tx`select set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)`
  await tx`select pg_advisory_xact_lock(${LOCK_KEY})`
}

async function createRecord(tx: Transaction): Promise<void> {
  const [found] = await tx`select to_regclass('storage_migrations') is not null as exists`
  if (found?.exists) return
  await tx
    .unsafe(`
    create table storage_migrations (
      name text primary key,
      sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
      applied_at timestamptz not null default now(),
      duration_ms integer not null check (duration_ms >= 0)
    );
    comment on table storage_migrations is 'The migrations that were applied to this database, one row per file.';
    comment on column storage_migrations.name is 'Name of the file, NNNN_noun.sql; they are applied in its order.';
    comment on column storage_migrations.sha256 is 'SHA-256 of the file with line feeds only, in hex: an applied file must not change.';
    comment on column storage_migrations.applied_at is 'When the transaction that applied the file began.';
    comment on column storage_migrations.duration_ms is 'How long applying it took, in milliseconds.';
  `)
    .simple()
}

async function recorded(tx: Transaction): Promise<Recorded[]> {
  return tx<Recorded[]>`
    select name, sha256
    from storage_migrations
    order by name collate "C"`
}

function refuseDrift(files: Migration[], applied: Recorded[]): void {
  for (const [index, { name, sha256 }] of applied.entries()) {
    const file = files.find(file => file.name === name)
    if (!file) throw new Error(`${name} was applied to this database, but is missing here: is this an older version?`)
    if (file.sha256 !== sha256)
      throw new Error(`${name} was changed after it was applied: put it back, and write a new migration`)
    if (files[index] !== file) throw new Error(`${name} was applied before ${files[index]?.name}: they must be applied in order`)
  }
}

/** Milliseconds it took, or undefined when another runner had applied it. */
async function apply(tx: Transaction, file: Migration): Promise<number | undefined> {
  await lock(tx)
  const [found] = await tx`select true from storage_migrations where name = ${file.name}`
  if (found) return undefined
  const [role] = await tx`select rolsuper as "isSuperuser" from pg_roles where rolname = current_user`
  const start = performance.now()
  await tx
    .unsafe(role?.isSuperuser ? file.text : withoutForeignSettings(file.text))
    .simple()
    .catch((error: unknown) => {
      throw located(file, error)
    })
  const milliseconds = Math.round(performance.now() - start)
  await tx`
    insert into storage_migrations (name, sha256, duration_ms)
    values (${file.name}, ${file.sha256}, ${milliseconds})`
  return milliseconds
}

/**
 * On RDS nobody is a superuser, and only a superuser may give a function a setting that Postgres doesn't know. 0003 and 0007 do, and can't
 * be changed any more; 0009 makes these functions again without. Positions in the text stay what they are.
 */
function withoutForeignSettings(text: string): string {
  return text.replaceAll(/^set(?= catalog\.\w+ = 'on'$)/gm, '-- ')
}

/** Without the driver's error as its cause, which carries the whole text of the file. */
function located(file: Migration, error: unknown): unknown {
  if (!(error instanceof postgres.PostgresError)) return error
  // Postgres counts characters from 1; JavaScript's strings count some characters twice.
  const before = [...file.text].slice(0, Number(error.position) - 1).join('')
  const line = error.position ? `, line ${lineAt(before)}` : ''
  const more = [error.detail, error.hint, error.where].filter(Boolean).map(text => `\n${text}`)
  return new Error(`${file.name}${line}: ${error.message} (${error.code})${more.join('')}`)
}

function lineAt(text: string, end = text.length): number {
  return text.slice(0, end).split('\n').length
}
