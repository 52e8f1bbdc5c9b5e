import { join } from 'node:path'
import { connect, connectionFromEnvironment } from '../shared/database/connection.ts'
import { type MigrationReport, migrate } from '../shared/database/migrate.ts'

const { CATALOG_MIGRATIONS = join(import.meta.dirname, 'migrations') } = process.env

const sql = connect(connectionFromEnvironment())

/** Lambda that each deploy invokes before the rest is switched over: applies the migrations bundled beside it (CATALOG_MIGRATIONS for another folder). */
export function handler(): Promise<MigrationReport> {
  return migrate(sql, { folder: CATALOG_MIGRATIONS, log: line => console.log(line) })
}
