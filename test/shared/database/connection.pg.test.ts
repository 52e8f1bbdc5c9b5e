import { execFileSync } from 'node:child_process'
import { chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Signer } from '@aws-sdk/rds-signer'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { type LocalPostgres, startPostgres } from '../../../local/postgres/postgres.ts'
import { type Client, connect } from '../../../shared/database/connection.ts'

const RDS = { host: 'localhost', database: 'postgres', user: 'indexer', region: 'eu-central-1' }

/** A Postgres of its own that speaks TLS as `localhost`, and whose user `indexer` may not come without it. */
let server: LocalPostgres
let admin: Client
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'storage-catalog-connection-'))
  server = await startPostgres({ folder: join(folder, 'postgres'), settings: { fsync: 'off' } })
  admin = connect({ url: server.url, max: 1 })
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'ca.pem')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, ...files], {
    stdio: 'ignore',
  })
  const data = join(folder, 'postgres', 'data')
  const { uid, gid } = await stat(data)
  for (const [from, to] of [
    ['key.pem', 'server.key'],
    ['ca.pem', 'server.crt'],
  ] as const) {
    await writeFile(join(data, to), await readFile(join(folder, from)), { mode: 0o600 })
    await chown(join(data, to), uid, gid)
  }
  const rules = await readFile(join(data, 'pg_hba.conf'), 'utf8')
  await writeFile(join(data, 'pg_hba.conf'), `hostnossl all indexer all reject\n${rules}`)
  await admin`create role indexer login`
  await admin`alter system set ssl = on`
  await admin`select pg_reload_conf()`
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY')
})

afterAll(async () => {
  vi.unstubAllEnvs()
  await admin.end()
  await server.stop()
  await rm(folder, { recursive: true })
})

describe('a connection to RDS', () => {
  test('each new one signs in with a fresh token, over TLS', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2024-03-01T10:00:00Z') })
    try {
      const sql = connect({ ...RDS, port: server.port, caFile: join(folder, 'ca.pem'), max: 2 })
      await expectToken()
      const [first] = await sql`select current_user as name, ssl from pg_stat_ssl where pid = pg_backend_pid()`
      expect(first).toEqual({ name: 'indexer', ssl: true })
      // Tokens live 15 minutes: the old one no longer opens a connection, and the one that is open stays.
      vi.setSystemTime(new Date('2024-03-01T10:20:00Z'))
      await expectToken()
      const pids = await Promise.all([1, 2].map(async () => (await sql`select pg_backend_pid() as pid, pg_sleep(0.3)`)[0]?.pid))
      expect(new Set(pids).size).toBe(2)
      await sql.end()
    } finally {
      vi.useRealTimers()
    }
  })

  test('is not made to a server that the certificates do not vouch for', async () => {
    const sql = connect({ ...RDS, port: server.port })
    await expect(sql`select 1`).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
    await sql.end()
  })

  test('is not made to a server of another name', async () => {
    const sql = connect({ ...RDS, host: '127.0.0.1', port: server.port, caFile: join(folder, 'ca.pem') })
    await expect(sql`select 1`).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
    await sql.end()
  })

  /** Lets `indexer` in with the token of this moment, and with nothing else. */
  async function expectToken(): Promise<void> {
    const { host: hostname, user: username, region } = RDS
    const token = await new Signer({ hostname, port: server.port, username, region }).getAuthToken()
    await admin.unsafe(`alter role indexer password '${token.replaceAll("'", "''")}'`)
  }
})

describe('a client', () => {
  test('opens as many connections as it may, and no more', async () => {
    const sql = connect({ url: inject('postgresUrl'), max: 3 })
    const pids = await Promise.all(
      Array.from({ length: 9 }, async () => (await sql`select pg_backend_pid() as pid, pg_sleep(0.05)`)[0]?.pid),
    )
    expect(new Set(pids).size).toBe(3)
    await sql.end()
  })

  test('returns int8 as a number and times as Date, and sends its application name', async () => {
    const sql = connect({ url: inject('postgresUrl'), max: 1 })
    const [row] = await sql`
      select 9007199254740991::int8 as big, count(*) as count, timestamptz '2024-03-01 10:00:00.123+00' as time,
        current_setting('application_name') as name, ${-9007199254740991}::int8 as sent
    `
    expect(row).toEqual({
      big: Number.MAX_SAFE_INTEGER,
      count: 1,
      time: new Date('2024-03-01T10:00:00.123Z'),
      name: 'storage-catalog',
      sent: Number.MIN_SAFE_INTEGER,
    })
    await sql.end()
  })

  test('acts as its role from the first query on', async () => {
    const sql = connect({ url: inject('postgresUrl'), role: 'pg_monitor', max: 1 })
    expect(await sql`select current_user as acts, session_user as signed_in`).toEqual([
      { acts: 'pg_monitor', signed_in: 'postgres' },
    ])
    await sql.end()
  })
})
