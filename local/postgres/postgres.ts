import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { errno } from '../errno.ts'
import { lockFolder } from '../folder-lock.ts'
import { freePort } from '../ports.ts'
import { prepareCluster } from './cluster.ts'
import { stopLeftover } from './leftover.ts'
import { launchPostgres, type PostgresProcess } from './process.ts'
import { findPrograms, postgresUser } from './programs.ts'

/**
 * A running Postgres server. `url` contains the password of its superuser. `stop` waits for a clean shutdown and may be called twice;
 * `exited` resolves when the server has ended for any reason.
 */
export type LocalPostgres = { url: string; port: number; pid: number; exited: Promise<void>; stop(): Promise<void> }

/** Postgres' own settings, for instance `{ shared_buffers: '1GB' }`. */
export type PostgresSettings = Record<string, string>

const DEFAULTS: PostgresSettings = {
  shared_buffers: '128MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
}

/**
 * Starts the Postgres that npm installed, on loopback, and waits until it accepts connections. `folder` is created if missing, kept,
 * and locked while the server runs. Without `port` it takes a free port. Throws if the port or the folder is in use, if the folder is
 * of another major version, or if Postgres does not start (with the end of its log).
 */
export async function startPostgres(options: {
  folder: string
  port?: number
  settings?: PostgresSettings
}): Promise<LocalPostgres> {
  const lock = lockFolder(options.folder)
  try {
    const settings = { ...DEFAULTS, ...options.settings }
    const user = await postgresUser(join(lock.folder, 'data'))
    const programs = await findPrograms(user)
    const { data, password } = await prepareCluster(lock.folder, programs, user, settings.fsync !== 'off')
    await stopLeftover(data, programs)
    const launch = async (port: number) => launchPostgres({ folder: lock.folder, data, port, settings }, programs, user)
    const { server, port } = await startOn(options.port, launch, password)
    const stop = async () => {
      await server.stop()
      lock.release()
    }
    return { url: address(port, password), port, pid: server.pid, exited: server.exited, stop }
  } catch (error) {
    lock.release()
    throw error
  }
}

const RETRY_MS = 100
const RETRIES = 100

/** Retries if another process takes the free port first, or if backends of a killed server still hold its shared memory. */
async function startOn(port: number | undefined, launch: (port: number) => Promise<PostgresProcess>, password: string) {
  for (let attempt = 1; ; attempt++) {
    const chosen = await freePort('postgres', port)
    const server = await launch(chosen)
    if (await acceptsConnections(server, address(chosen, password))) return { server, port: chosen }
    await server.stop()
    const log = await server.logTail()
    const isTransient = log.includes('is still in use') || (!port && log.includes('could not bind'))
    if (!isTransient || attempt === RETRIES) throw new Error(`Postgres did not start on port ${chosen}:\n${log}`)
    await sleep(RETRY_MS)
  }
}

/** Waits until the server accepts a connection; false if it has ended instead. */
async function acceptsConnections(server: PostgresProcess, url: string): Promise<boolean> {
  while (!server.hasExited()) {
    const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => undefined })
    try {
      await sql`select 1`
      return true
    } catch (error) {
      if (!NOT_READY.has(errno(error) ?? '')) throw error
      await sleep(20)
    } finally {
      await sql.end()
    }
  }
  return false
}

/** 57P03 is Postgres' "the database system is starting up", also during recovery after a crash. */
const NOT_READY = new Set(['ECONNREFUSED', 'ECONNRESET', 'CONNECTION_CLOSED', 'CONNECT_TIMEOUT', '57P03'])

function address(port: number, password: string): string {
  return `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
}
