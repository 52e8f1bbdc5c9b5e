import { join } from 'node:path'
import { connect, connectionFromEnvironment } from '../shared/database/connection.ts'
import { type MigrationReport, migrate } from '../shared/database/migrate.ts'
import { functionEnvironment } from './runtime/environment.ts'

functionEnvironment<'migrator'>([])

const sql = connect(connectionFromEnvironment())

/** Lambda that each deployment invokes before it updates other functions: applies the migrations bundled with it. */
export function handler(): Promise<MigrationReport> {
  return migrate(sql, { folder: join(import.meta.dirname, 'migrations'), log: line => console.log(line) })
}
