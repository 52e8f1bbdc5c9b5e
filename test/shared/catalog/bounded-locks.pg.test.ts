import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPostgres } from '../../../local/postgres/postgres.ts'
import { type NewObject, recordObjects } from '../../../shared/catalog/objects.ts'
import { type Client, connect } from '../../../shared/database/connection.ts'
import { migrate } from '../../../shared/database/migrate.ts'

/** Objects of one call, and of each of 60 calls at once. The large ones take two minutes: `.ci/run` tries them. */
const [IN_ONE_CALL, IN_EACH] = process.env.CATALOG_LARGE_BATCHES ? [100_000, 10_000] : [20_000, 300]

const WRITERS = 60

let folder: string
let server: Awaited<ReturnType<typeof startPostgres>>
let sql: Client

/** Postgres as the dev stage has it: 60 connections, 64 locks for each, all other settings by default. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'storage-catalog-locks-'))
  server = await startPostgres({ folder, settings: { fsync: 'off', max_connections: '63' } })
  sql = connect({ url: server.url, max: 1 })
  await migrate(sql, { folder: join(import.meta.dirname, '../../../migrations') })
})

afterAll(async () => {
  await sql?.end()
  await server?.stop()
  await rm(folder, { recursive: true })
})

function objects(bucket: string, count: number): NewObject[] {
  return Array.from({ length: count }, (_, n) => ({ bucket, key: `reports/${n}.pdf`, size: n }))
}

async function countIn(bucket: string): Promise<number> {
  const [row] = await sql<{ objects: number }[]>`
    select count(*) as objects
    from catalog.storage_objects o
    join catalog.storage_versions v using (bucket, key, version_id)
    where bucket = ${bucket} and v.is_latest
  `
  return row!.objects
}

test(`${IN_ONE_CALL} objects in one call`, { timeout: 120_000 }, async () => {
  await recordObjects(sql, objects('large', IN_ONE_CALL))
  expect(await countIn('large')).toBe(IN_ONE_CALL)
})

test(`${WRITERS} connections with ${IN_EACH} keys each at once, half of them the same`, { timeout: 600_000 }, async () => {
  const writers = Array.from({ length: WRITERS }, () => connect({ url: server.url, max: 1 }))
  try {
    // Signed in before they write, so that all write at once.
    await Promise.all(writers.map(writer => writer`select 1`))
    await Promise.all(writers.map((writer, n) => recordObjects(writer, objects(n % 2 ? 'shared' : `own-${n}`, IN_EACH))))
  } finally {
    await Promise.all(writers.map(writer => writer.end()))
  }
  expect(await countIn('shared')).toBe(IN_EACH)
  for (let n = 0; n < WRITERS; n += 2) expect(await countIn(`own-${n}`)).toBe(IN_EACH)
})
