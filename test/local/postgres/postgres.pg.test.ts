import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test as base, expect, onTestFinished } from 'vitest'
import { errno } from '../../../local/errno.ts'
import { startPostgres } from '../../../local/postgres/postgres.ts'
import { connect } from '../../../shared/database/connection.ts'
import { makeDataFolder } from '../../support/postgres/data-folder.ts'

const FAST = { settings: { fsync: 'off' } }

const test = base.extend<{ folder: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures a fixture needs
  folder: async ({}, use) => {
    const folder = await realpath(await makeDataFolder('local-postgres-'))
    await use(folder)
    await rm(folder, { recursive: true })
  },
})

test('data is kept after a stop and a start on another port', async ({ folder }) => {
  const first = await startPostgres({ folder, ...FAST })
  await query(first.url, 'create table kept as select 1 as n')
  await first.stop()
  await first.stop()
  const second = await startPostgres({ folder, ...FAST })
  expect(await query(second.url, 'select n from kept')).toEqual([{ n: 1 }])
  await second.stop()
  expect((await readFile(join(folder, 'postgres.log'), 'utf8')).match(/database system was shut down|recover/g)).toEqual(
    Array(2).fill('database system was shut down'),
  )
})

test('a database compares bytes, uses UTF-8, UTC and page checksums, and is durable', async ({ folder }) => {
  const server = await startPostgres({ folder, settings: { work_mem: '7MB' } })
  const rows = await query(
    server.url,
    `select datlocprovider as provider, datlocale as locale, pg_encoding_to_char(encoding) as encoding,
       current_setting('timezone') as zone, current_setting('data_checksums') as checksums, current_setting('fsync') as fsync,
       current_setting('listen_addresses') as addresses, current_setting('unix_socket_directories') as sockets,
       current_setting('shared_buffers') as buffers, current_setting('work_mem') as work_mem
     from pg_database where datname = current_database()`,
  )
  expect(rows).toEqual([
    {
      provider: 'b',
      locale: 'C.UTF-8',
      encoding: 'UTF8',
      zone: 'UTC',
      checksums: 'on',
      fsync: 'on',
      addresses: '127.0.0.1',
      sockets: '',
      buffers: '128MB',
      work_mem: '7MB',
    },
  ])
  await server.stop()
})

test('a wrong password is refused, and only its owner can read the password file', async ({ folder }) => {
  const server = await startPostgres({ folder, ...FAST })
  const wrong = Object.assign(new URL(server.url), { password: 'wrong' }).href
  await expect(query(wrong, 'select 1')).rejects.toMatchObject({ code: '28P01' })
  expect((await stat(join(folder, 'password'))).mode & 0o777).toBe(0o600)
  await server.stop()
})

test('a folder in use is refused, and its server keeps running', async ({ folder }) => {
  const server = await startPostgres({ folder, ...FAST })
  await expect(startPostgres({ folder, ...FAST })).rejects.toThrow(`${folder} is in use by process ${process.pid}`)
  expect(await query(server.url, 'select 1 as n')).toEqual([{ n: 1 }])
  await server.stop()
})

test('a port in use is an error that names it', async ({ folder }) => {
  const inUse = createServer().listen(0, '127.0.0.1')
  await once(inUse, 'listening')
  const address = inUse.address()
  const port = address && typeof address === 'object' ? address.port : 0
  await expect(startPostgres({ folder, port, ...FAST })).rejects.toThrow(`Port ${port} for Postgres is in use`)
  inUse.close()
  const server = await startPostgres({ folder, port, ...FAST })
  expect(server.port).toBe(port)
  await server.stop()
})

test('a server that does not start is an error with the end of its log, and unlocks the folder', async ({ folder }) => {
  await expect(startPostgres({ folder, settings: { shared_buffers: 'plenty' } })).rejects.toThrow(
    /did not start on port \d+:\n.*FATAL: {2}invalid value for parameter "shared_buffers": "plenty"/,
  )
  const server = await startPostgres({ folder, ...FAST })
  await server.stop()
})

test('data of another major version is refused', async ({ folder }) => {
  const server = await startPostgres({ folder, ...FAST })
  await server.stop()
  await writeFile(join(folder, 'data', 'PG_VERSION'), '16\n')
  await expect(startPostgres({ folder, ...FAST })).rejects.toThrow(
    `${folder}/data was created by Postgres 16, this is Postgres 17: dump and reload the data, or remove ${folder}`,
  )
})

test('an interrupted initdb is repeated', async ({ folder }) => {
  const us = await startedElsewhere(folder, 'password')
  us.kill('SIGKILL')
  await once(us, 'exit')
  const server = await startPostgres({ folder, ...FAST })
  expect(await query(server.url, 'select 1 as n')).toEqual([{ n: 1 }])
  await server.stop()
  expect((await readdir(folder)).filter(name => name.startsWith('data'))).toEqual(['data'])
})

test('kill -9 of the parent stops the server, and committed data is kept', async ({ folder }) => {
  const us = await startedElsewhere(folder)
  const pid = serverOf(folder)
  us.kill('SIGKILL')
  await once(us, 'exit')
  await until(() => !isAlive(pid))
  const server = await startPostgres({ folder })
  expect(await query(server.url, 'select n from kept')).toEqual([{ n: 1 }])
  await server.stop()
})

test.runIf(process.platform === 'linux')('a server that outlived its parent is stopped by the next start', async ({ folder }) => {
  const us = await startedElsewhere(folder)
  const leftover = serverOf(folder)
  for (const pid of [...childrenOf(us.pid ?? 0).filter(pid => pid !== leftover), us.pid ?? 0]) process.kill(pid, 'SIGKILL')
  await once(us, 'exit')
  expect(isAlive(leftover)).toBe(true)
  const server = await startPostgres({ folder })
  expect(isAlive(leftover)).toBe(false)
  expect(await query(server.url, 'select n from kept')).toEqual([{ n: 1 }])
  await server.stop()
})

test('the next start recovers from kill -9 of the server', async ({ folder }) => {
  const server = await startPostgres({ folder })
  await query(server.url, 'create table kept as select 1 as n')
  process.kill(server.pid, 'SIGKILL')
  await server.exited
  await server.stop()
  const next = await startPostgres({ folder })
  expect(await query(next.url, 'select n from kept')).toEqual([{ n: 1 }])
  await next.stop()
})

test("a stale postmaster.pid does not make the start stop another program's process", async ({ folder }) => {
  const server = await startPostgres({ folder, ...FAST })
  await server.stop()
  const other = spawn('sleep', ['60'])
  onTestFinished(() => void other.kill('SIGKILL'))
  await writeFile(join(folder, 'data', 'postmaster.pid'), `${other.pid}\n${join(folder, 'data')}\n`)
  const next = await startPostgres({ folder, ...FAST })
  expect(isAlive(other.pid ?? 0)).toBe(true)
  await next.stop()
})

async function query(url: string, text: string): Promise<unknown[]> {
  const sql = connect({ url, max: 1 })
  try {
    return [...(await sql.unsafe(text))]
  } finally {
    await sql.end()
  }
}

/** Starts Postgres from another process and waits until a row is committed, or until a file exists. */
async function startedElsewhere(folder: string, waitFor?: string): Promise<ChildProcess> {
  const local = JSON.stringify(join(import.meta.dirname, '../../../local/postgres/postgres.ts'))
  const script = `
    import { startPostgres } from ${local}
    import postgres from 'postgres'
    const server = await startPostgres({ folder: ${JSON.stringify(folder)} })
    await postgres(server.url)\`create table kept as select 1 as n\`
    console.log('ready')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  if (waitFor) await until(() => readdirSync(folder).includes(waitFor))
  else await once(child.stdout, 'data')
  return child
}

function serverOf(folder: string): number {
  return Number.parseInt(readFileSync(join(folder, 'data', 'postmaster.pid'), 'utf8'), 10)
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)
}

/** A zombie counts as ended. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (errno(error) === 'ESRCH') return false
    throw error
  }
  return process.platform !== 'linux' || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('The condition did not hold within 20 s')
    await sleep(10)
  }
}
