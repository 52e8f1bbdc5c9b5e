import { existsSync, rmSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { ifMissing } from '../../../local/errno.ts'
import { FolderInUse, lockFolder } from '../../../local/folder-lock.ts'
import { startPostgres } from '../../../local/postgres/postgres.ts'
import { connect } from '../../../shared/database/connection.ts'
import { migrate } from '../../../shared/database/migrate.ts'
import { DATA_ROOT, makeDataFolder } from './data-folder.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Of the run's cluster, as superuser. */
    postgresUrl: string
  }
}

/** The migrated database that every test's database is cloned from. */
export const TEMPLATE = 'catalog_template'

/** No data of a test run must survive a crash of the machine. */
const SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  max_wal_size: '1GB',
  shared_buffers: '128MB',
  max_connections: '200',
}

const PREFIX = 'storage-catalog-test-'

/** vitest's global setup: one cluster for the run, in its own folder, which the teardown removes. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeLeftovers()
  const folder = await makeDataFolder(PREFIX)
  const server = await startPostgres({ folder, settings: SETTINGS })
  // An abort makes vitest end without a teardown.
  const abandon = () => {
    process.kill(server.pid, 'SIGQUIT')
    removeWhileUsed(folder)
  }
  process.once('exit', abandon)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const teardown = async () => {
    process.off('exit', abandon)
    await server.stop()
    await rm(folder, { recursive: true })
  }
  try {
    await createTemplate(server.url)
  } catch (error) {
    // vitest calls no teardown of a setup that failed.
    await teardown()
    throw error
  }
  project.provide('postgresUrl', server.url)
  return teardown
}

/** Of runs that were killed. The age spares a run that has made its folder, but does not hold it yet. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(DATA_ROOT)) {
    if (!name.startsWith(PREFIX)) continue
    const folder = join(DATA_ROOT, name)
    const found = await stat(folder).catch(ifMissing)
    if (!found || found.uid !== process.getuid?.() || Date.now() - found.mtimeMs < 60_000) continue
    try {
      lockFolder(folder).release()
    } catch (error) {
      if (error instanceof FolderInUse) continue
      throw error
    }
    await rm(folder, { recursive: true, force: true })
  }
}

/** Without waiting for promises, which the end of the process doesn't; the server may still write while it ends, so that the first attempts can fail. */
function removeWhileUsed(folder: string): void {
  const clock = new Int32Array(new SharedArrayBuffer(4))
  for (let attempt = 0; attempt < 40 && existsSync(folder); attempt++) {
    Atomics.wait(clock, 0, 0, 50)
    rmSync(folder, { recursive: true, force: true })
  }
}

async function createTemplate(url: string): Promise<void> {
  const admin = connect({ url, max: 1 })
  await admin`create database ${admin(TEMPLATE)}`.finally(() => admin.end())
  const sql = connect({ url: databaseUrl(url, TEMPLATE), max: 1 })
  await migrate(sql, { folder: join(import.meta.dirname, '../../../migrations') }).finally(() => sql.end())
}

/** The address of another database of the same cluster. */
export function databaseUrl(cluster: string, name: string): string {
  return Object.assign(new URL(cluster), { pathname: `/${name}` }).href
}
