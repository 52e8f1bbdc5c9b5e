import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '../shared/database/connection.ts'
import { describeSchema } from '../shared/database/describe-schema.ts'
import { migrate } from '../shared/database/migrate.ts'
import { startPostgres } from './postgres/postgres.ts'

/** `npm run schema`: migrates a temporary database and writes its schema to `migrations/schema.sql`. */
const migrations = join(import.meta.dirname, '../migrations')
const folder = await mkdtemp(join(tmpdir(), 'storage-catalog-schema-'))
const server = await startPostgres({ folder, settings: { fsync: 'off' } })
const sql = connect({ url: server.url, max: 1 })
try {
  await migrate(sql, { folder: migrations })
  await writeFile(join(migrations, 'schema.sql'), await describeSchema(sql))
} finally {
  await sql.end()
  await server.stop()
  await rm(folder, { recursive: true })
}
