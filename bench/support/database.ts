import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '../../local/postgres/postgres.ts'
import { type Client, connect } from '../../shared/database/connection.ts'
import { migrate } from '../../shared/database/migrate.ts'

/** The migrations of the repository. */
export const MIGRATIONS = join(import.meta.dirname, '../../migrations')

/** A migrated database of its own, for `await using`. */
export type BenchDatabase = { url: string; port: number; sql: Client; [Symbol.asyncDispose](): Promise<void> }

/** Starts Postgres in a temporary folder, with `max` connections; disposing of it stops Postgres and deletes the folder. */
export async function startBenchDatabase({ max = 10, settings = SETTINGS } = {}): Promise<BenchDatabase> {
  await using starting = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'storage-catalog-bench-'))
  starting.defer(() => rm(folder, { recursive: true }))
  const { url, port, stop } = await startPostgres({ folder, settings })
  starting.defer(stop)
  const sql = connect({ url, max })
  starting.defer(() => sql.end())
  await migrate(sql, { folder: MIGRATIONS })
  const started = starting.move()
  return { url, port, sql, [Symbol.asyncDispose]: () => started.disposeAsync() }
}

const SETTINGS: Record<string, string> = { shared_buffers: '1GB', max_wal_size: '8GB' }
