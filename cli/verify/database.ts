import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sql } from '../../shared/database/connection.ts'
import { describeSchema } from '../../shared/database/describe-schema.ts'
import { readMigrations } from '../../shared/database/migration-files.ts'
import { CliError } from '../terminal/cli-error.ts'
import { formatCount } from '../terminal/print.ts'
import { type Check, type CheckContext, CheckSkipped } from './check.ts'

/** Checks of the database itself, only if its address is known. */
export const databaseChecks: Check[] = [
  { name: 'database connection', run: checkConnection },
  { name: 'migrations', needs: ['database connection'], run: checkMigrations },
  { name: 'schema', needs: ['migrations'], run: checkSchema },
  { name: 'indexes and partitions', needs: ['database connection'], run: checkIndexes },
]

const MIGRATIONS = join(import.meta.dirname, '../../migrations')

async function checkConnection(context: CheckContext): Promise<string> {
  const [row] = await requireDatabase(context)<{ version: string; name: string }[]>`
    select current_setting('server_version') as version, current_database() as name
  `
  return `Postgres ${row?.version}, database ${row?.name}`
}

async function checkMigrations(context: CheckContext): Promise<string> {
  const applied = await requireDatabase(context)<{ name: string; sha256: string }[]>`
    select name, sha256
    from catalog.migrations
    order by name
  `
  const { tables, functions } = await readMigrations(MIGRATIONS)
  const files = [...tables, ...functions]
  for (const { name, sha256 } of files) {
    const row = applied.find(row => row.name === name)
    if (!row) throw new CliError(`${name} is not applied`)
    if (row.sha256 !== sha256) throw new CliError(`${name} is not the one that was applied`)
  }
  const unknown = applied.find(({ name }) => !files.some(file => file.name === name))
  if (unknown) throw new CliError(`${unknown.name} is applied, but not known here: is this an older version?`)
  return `${formatCount(files.length, 'migration file')}, all applied`
}

async function checkSchema(context: CheckContext): Promise<string> {
  const [found, expected] = await Promise.all([
    describeSchema(requireDatabase(context)),
    readFile(join(MIGRATIONS, 'schema.sql'), 'utf8'),
  ])
  const [lines, wanted] = [found.split('\n'), expected.replaceAll('\r\n', '\n').split('\n')]
  const at = wanted.findIndex((line, n) => line !== lines[n])
  if (at < 0 && lines.length === wanted.length) return `as in migrations/schema.sql, ${formatCount(wanted.length, 'line')}`
  const line = at < 0 ? wanted.length : at
  throw new CliError(
    `differs from migrations/schema.sql in line ${line + 1}: ${lines[line] ?? 'the end'} instead of ${wanted[line] ?? 'the end'}`,
  )
}

async function checkIndexes(context: CheckContext): Promise<string> {
  const sql = requireDatabase(context)
  const indexes = await sql<{ name: string; isValid: boolean }[]>`
    select i.indexrelid::regclass::text as name, i.indisvalid and i.indisready as "isValid"
    from pg_index i
    join pg_class c on c.oid = i.indexrelid
    where c.relnamespace = 'catalog'::regnamespace
  `
  const broken = indexes.filter(({ isValid }) => !isValid).map(({ name }) => name)
  if (broken.length > 0) throw new CliError(`not valid: ${broken.join(', ')}; drop and create them again`)
  const month = new Date().toISOString().slice(0, 7).replace('-', '_')
  const [audit] = await sql<{ found: boolean }[]>`select to_regclass(${`catalog.storage_audit_${month}`}) is not null as found`
  if (!audit?.found) throw new CliError(`the audit trail has no partition for ${month}: is the pruner running?`)
  return `${indexes.length} valid indexes, an audit partition for this month`
}

function requireDatabase({ sql }: CheckContext): Sql {
  if (sql) return sql
  throw new CheckSkipped('the database is unknown; set DATABASE_URL to check it')
}
