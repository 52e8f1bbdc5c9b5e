import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startPostgres } from '../local/postgres/postgres.ts'
import { applyObservations } from '../shared/catalog/observations.ts'
import { type Client, connect, type Sql } from '../shared/database/connection.ts'
import { migrate } from '../shared/database/migrate.ts'
import { databaseTime } from '../shared/database/time.ts'
import { startLatencyProxy } from './support/latency-proxy.ts'
import { createNaiveTables, fillNaiveTables, indexInStatements, indexInTransactions } from './support/naive.ts'
import { type BenchRecord, openRecords, overwrite } from './support/records.ts'
import { median, rounded, timed } from './support/timing.ts'
import { measureComponents } from './support/write-components.ts'

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, rounds: { type: 'string' } } })
const rounds = Number(values.rounds ?? (values.quick ? 1 : 5))
const uploads = openRecords()

/** A way to index, and how many records of it are a sample. */
type IndexingMethod = {
  name: string
  records: number
  again?: boolean
  index: (sql: Client, records: BenchRecord[]) => Promise<void>
}

const METHODS: IndexingMethod[] = [
  { name: 'naive: three transactions a record', records: 300, index: indexInTransactions },
  { name: 'naive: three bare statements', records: 300, index: indexInStatements },
  { name: 'ours, 1 record', records: 300, index: indexInBatches(1, 1) },
  { name: 'ours, 100 records', records: 5000, index: indexInBatches(100, 1) },
  { name: 'ours, 1,000 records', records: 10_000, index: indexInBatches(1000, 1) },
  { name: 'ours, 1,000 records x 2 connections', records: 20_000, index: indexInBatches(1000, 2) },
  { name: 'naive, overwrites', records: 300, again: true, index: indexInTransactions },
  { name: 'ours, 1,000 records, overwrites', records: 10_000, again: true, index: indexInBatches(1000, 1) },
]

/** The bars: a path, how often it beats the naive one on loopback and with a millisecond of distance, and records a second. */
const BARS = [
  { path: 'ours, 100 records', loopback: 12, distant: 40 },
  { path: 'ours, 1,000 records x 2 connections', loopback: 25, perSecond: 10_000 },
]

const folder = await mkdtemp(join(tmpdir(), 'storage-catalog-bench-'))
const server = await startPostgres({ folder, settings: { shared_buffers: '1GB', max_wal_size: '8GB' } })
try {
  await run()
} finally {
  await server.stop()
  await rm(folder, { recursive: true })
}

async function run(): Promise<void> {
  const distance = await startLatencyProxy(server.port, 1)
  const near = connect({ url: server.url, max: 2 })
  const far = connect({ url: Object.assign(new URL(server.url), { port: distance.port }).href, max: 2 })
  try {
    await migrate(near, { folder: fileURLToPath(new URL('../migrations', import.meta.url)) })
    await createNaiveTables(near)
    await fillTables(near)
    const added = (await measureRoundTrip(far)) - (await measureRoundTrip(near))
    const samples = await measureSamples({ near, far })
    const [naive] = METHODS
    const table = METHODS.map(({ name }) => {
      const speed = (connection: Connection) => median(samples.get(`${connection} ${name}`) ?? [])
      const times = (connection: Connection) => {
        const base = samples.get(`${connection} ${name.includes('overwrites') ? 'naive, overwrites' : naive!.name}`) ?? []
        return median((samples.get(`${connection} ${name}`) ?? []).map((own, round) => own / base[round]!))
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
    console.table(await measureComponents(server.url, uploads.take, { records: values.quick ? 5000 : 20_000, rounds }))
  } finally {
    await Promise.all([near.end(), far.end()])
    await distance.close()
  }
}

type Connection = 'near' | 'far'

/** Every path once a round, near and far, so that what slows the machine slows all of them. Records a second by place and path. */
async function measureSamples(connections: Record<Connection, Client>): Promise<Map<string, number[]>> {
  const samples = new Map<string, number[]>()
  for (let round = 0; round < rounds; round++) {
    for (const connection of ['near', 'far'] as const) {
      for (const { name, records, again, index } of METHODS) {
        const first = uploads.take(values.quick ? Math.ceil(records / 5) : records)
        if (again) await (name.startsWith('naive') ? indexInTransactions : indexInBatches(1000, 1))(connections.near, first)
        const batch = again ? overwrite(first) : first
        const seconds = (await timed(() => index(connections[connection], batch))) / 1000
        samples.set(`${connection} ${name}`, [...(samples.get(`${connection} ${name}`) ?? []), batch.length / seconds])
      }
    }
  }
  return samples
}

/** As the indexer does it, but for the questions to S3: two statements a batch. */
function indexInBatches(size: number, connections: number) {
  return async (sql: Sql, records: BenchRecord[]) => {
    const batches = Array.from({ length: Math.ceil(records.length / size) }, (_, n) => records.slice(n * size, (n + 1) * size))
    const work = async () => {
      for (let batch = batches.pop(); batch; batch = batches.pop()) {
        const observed = batch.map(record => record.observed)
        const asOf = await databaseTime(sql)
        await applyObservations(sql, asOf, { observed, audited: batch.map(record => record.audited) })
      }
    }
    await Promise.all(Array.from({ length: connections }, work))
  }
}

/** What is there before: neither empty tables nor plans made for them. */
async function fillTables(sql: Sql): Promise<void> {
  await indexInBatches(1000, 2)(sql, uploads.take(values.quick ? 5000 : 50_000))
  await fillNaiveTables(sql)
  await sql`analyze`
}

async function measureRoundTrip(sql: Sql): Promise<number> {
  const samples: number[] = []
  for (let n = 0; n < 50; n++) samples.push(await timed(() => sql`select 1`))
  return median(samples)
}
