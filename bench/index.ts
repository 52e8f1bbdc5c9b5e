import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startPostgres } from '../local/postgres/postgres.ts'
import { applyObservations, readKnownLatest } from '../shared/catalog/observations.ts'
import { type Client, connect, type Sql } from '../shared/database/connection.ts'
import { migrate } from '../shared/database/migrate.ts'
import { startDistance } from './support/distance.ts'
import { median, rounded, timed } from './support/figures.ts'
import { createNaiveTables, fillNaiveTables, indexInStatements, indexInTransactions } from './support/naive.ts'
import { measureParts } from './support/parts.ts'
import { type BenchRecord, openUploads, uploadAgain } from './support/records.ts'

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, rounds: { type: 'string' } } })
const rounds = Number(values.rounds ?? (values.quick ? 1 : 5))
const uploads = openUploads()

/** A way to index, and how many records of it are a sample. */
type Path = { name: string; records: number; again?: boolean; index: (sql: Client, records: BenchRecord[]) => Promise<void> }

const PATHS: Path[] = [
  { name: 'naive: three transactions a record', records: 300, index: indexInTransactions },
  { name: 'naive: three bare statements', records: 300, index: indexInStatements },
  { name: 'ours, 1 record', records: 300, index: inBatches(1, 1) },
  { name: 'ours, 100 records', records: 5000, index: inBatches(100, 1) },
  { name: 'ours, 1,000 records', records: 10_000, index: inBatches(1000, 1) },
  { name: 'ours, 1,000 records x 2 connections', records: 20_000, index: inBatches(1000, 2) },
  { name: 'naive, overwrites', records: 300, again: true, index: indexInTransactions },
  { name: 'ours, 1,000 records, overwrites', records: 10_000, again: true, index: inBatches(1000, 1) },
]

/** The bars: a path, how often it beats the naive one on loopback and with a millisecond of distance, and records a second. */
const BARS = [
  { path: 'ours, 100 records', loopback: 12, distant: 40 },
  { path: 'ours, 1,000 records x 2 connections', loopback: 25, perSecond: 10_000 },
]

const folder = await mkdtemp(join(tmpdir(), 'storage-catalog-bench-'))
const server = await startPostgres({ folder, settings: { shared_buffers: '1GB', max_wal_size: '8GB' } })
try {
  await measure()
} finally {
  await server.stop()
  await rm(folder, { recursive: true })
}

async function measure(): Promise<void> {
  const distance = await startDistance(server.port, 1)
  const near = connect({ url: server.url, max: 2 })
  const far = connect({ url: Object.assign(new URL(server.url), { port: distance.port }).href, max: 2 })
  try {
    await migrate(near, { folder: fileURLToPath(new URL('../migrations', import.meta.url)) })
    await createNaiveTables(near)
    await fill(near)
    const added = (await roundTrip(far)) - (await roundTrip(near))
    const samples = await sample({ near, far })
    const [naive] = PATHS
    const table = PATHS.map(({ name }) => {
      const speed = (place: Place) => median(samples.get(`${place} ${name}`) ?? [])
      const times = (place: Place) => {
        const base = samples.get(`${place} ${name.includes('overwrites') ? 'naive, overwrites' : naive!.name}`) ?? []
        return median((samples.get(`${place} ${name}`) ?? []).map((own, round) => own / base[round]!))
      }
      return { name, perSecond: speed('near'), times: times('near'), farPerSecond: speed('far'), farTimes: times('far') }
    })
    const head = `${rounded(added)} ms`
    console.table(
      Object.fromEntries(
        table.map(row => [
          row.name,
          {
            'records/s': rounded(row.perSecond),
            'x naive': rounded(row.times),
            [`records/s at +${head}`]: rounded(row.farPerSecond),
            [`x naive at +${head}`]: rounded(row.farTimes),
          },
        ]),
      ),
    )
    for (const bar of BARS) {
      const row = table.find(({ name }) => name === bar.path)!
      const figures = [
        `${rounded(row.times)} of ${bar.loopback}x naive`,
        bar.distant ? `${rounded(row.farTimes)} of ${bar.distant}x at +${head}` : '',
        bar.perSecond ? `${rounded(row.perSecond)} of ${bar.perSecond} records/s` : '',
      ]
      console.log(`bar: ${bar.path}: ${figures.filter(Boolean).join(', ')}`)
    }
    console.table(await measureParts(server.url, uploads.take, { records: values.quick ? 5000 : 20_000, rounds }))
  } finally {
    await Promise.all([near.end(), far.end()])
    await distance.close()
  }
}

type Place = 'near' | 'far'

/** Every path once a round, near and far, so that what slows the machine slows all of them. Records a second by place and path. */
async function sample(places: Record<Place, Client>): Promise<Map<string, number[]>> {
  const samples = new Map<string, number[]>()
  for (let round = 0; round < rounds; round++) {
    for (const place of ['near', 'far'] as const) {
      for (const { name, records, again, index } of PATHS) {
        const first = uploads.take(values.quick ? Math.ceil(records / 5) : records)
        if (again) await (name.startsWith('naive') ? indexInTransactions : inBatches(1000, 1))(places.near, first)
        const batch = again ? uploadAgain(first) : first
        const seconds = (await timed(() => index(places[place], batch))) / 1000
        samples.set(`${place} ${name}`, [...(samples.get(`${place} ${name}`) ?? []), batch.length / seconds])
      }
    }
  }
  return samples
}

/** As the indexer does it, but for the questions to S3: two statements a batch. */
function inBatches(size: number, connections: number) {
  return async (sql: Sql, records: BenchRecord[]) => {
    const batches = Array.from({ length: Math.ceil(records.length / size) }, (_, n) => records.slice(n * size, (n + 1) * size))
    const work = async () => {
      for (let batch = batches.pop(); batch; batch = batches.pop()) {
        const observed = batch.map(record => record.observed)
        const { asOf } = await readKnownLatest(sql, observed)
        await applyObservations(sql, asOf, { observed, audited: batch.map(record => record.audited) })
      }
    }
    await Promise.all(Array.from({ length: connections }, work))
  }
}

/** What is there before: neither empty tables nor plans made for them. */
async function fill(sql: Sql): Promise<void> {
  await inBatches(1000, 2)(sql, uploads.take(values.quick ? 5000 : 50_000))
  await fillNaiveTables(sql)
  await sql`analyze`
}

async function roundTrip(sql: Sql): Promise<number> {
  const samples: number[] = []
  for (let n = 0; n < 50; n++) samples.push(await timed(() => sql`select 1`))
  return median(samples)
}
