import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '../../shared/database/connection.ts'

/** The version of the pgbouncer that is installed, as a number such as 1.18; undefined without one. */
export function poolerVersion(): number | undefined {
  const { stdout } = spawnSync('pgbouncer', ['--version'], { encoding: 'utf8' })
  const version = /PgBouncer (\d+\.\d+)/i.exec(stdout ?? '')?.[1]
  return version === undefined ? undefined : Number(version)
}

/** pgbouncer in transaction mode in front of a database: two server connections for any number of clients. */
export type Pooler = { url: string; [Symbol.asyncDispose](): Promise<void> }

/** Starts one. From version 1.21 it supports prepared statements, as RDS Proxy does. */
export async function startPooler(database: string, version: number): Promise<Pooler> {
  const { hostname, port, username, password, pathname } = new URL(database)
  const own = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'storage-catalog-pooler-'))
  const config = join(folder, 'pgbouncer.ini')
  const name = pathname.slice(1)
  const lines = [
    '[databases]',
    `${name} = host=${hostname} port=${port} dbname=${name} user=${username} password=${password}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${own}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    'default_pool_size = 2',
    'max_client_conn = 200',
    ...(version >= 1.21 ? ['max_prepared_statements = 100'] : []),
  ]
  await writeFile(config, `${lines.join('\n')}\n`)
  // It refuses to run as root, and another user must read its configuration.
  await chmod(folder, 0o755)
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const child = spawn('pgbouncer', ['-q', ...user, config], { stdio: ['ignore', 'ignore', 'inherit'] })
  const url = Object.assign(new URL(database), { port: String(own) }).href
  await untilAnswering(child, url)
  return {
    url,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function untilAnswering(child: ChildProcess, url: string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`pgbouncer ended with ${child.exitCode}`)
    const sql = connect({ url, max: 1 })
    const answer = await Promise.allSettled([sql.unsafe('select 1').simple()])
    await sql.end({ timeout: 1 })
    if (answer[0].status === 'fulfilled') return
    await sleep(100)
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('no TCP address')
  return address.port
}
