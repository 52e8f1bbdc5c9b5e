import { parseArgs } from 'node:util'
import { applyObservations } from '../shared/catalog/observations.ts'
import { type Client, connect, type Sql } from '../shared/database/connection.ts'
import { databaseTime } from '../shared/database/time.ts'
import { startBenchDatabase } from './support/database.ts'
import { startLatencyProxy } from './support/latency-proxy.ts'
import { createNaiveTables, fillNaiveTables, indexInStatements, indexInTransactions } from './support/naive.ts'
import { type BenchRecord, openRecords, overwrite } from './support/records.ts'
import { median, round, timed } from './support/timing.ts'
import { measureComponents } from './support/write-components.ts'

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, rounds: { type: 'string' } } })
const rounds = Number(values.rounds ?? (values.quick ? 1 : 5))
const uploads = openRecords()

/** A way to index, and the records of a sample. `again` overwrites keys that exist. */
type IndexingMethod = {
  name: string
  records: number
  again?: boolean
  index: (sql: Client, records: BenchRecord[]) => Promise<void>
}

const METHODS: IndexingMethod[] = [
  { name: 'naive: three transactions per record', records: 300, index: indexInTransactions },
  { name: 'naive: three bare statements', records: 300, index: indexInStatements },
  { name: 'catalog, 1 record', records: 300, index: indexInBatches(1, 1) },
  { name: 'catalog, 100 records', records: 5000, index: indexInBatches(100, 1) },
  { name: 'catalog, 1,000 records', records: 10_000, index: indexInBatches(1000, 1) },
  { name: 'catalog, 1,000 records x 2 connections', records: 20_000, index: indexInBatches(1000, 2) },
  { name: 'naive, overwrites', records: 300, again: true, index: indexInTransactions },
  { name: 'catalog, 1,000 records, overwrites', records: 10_000, again: true, index: indexInBatches(1000, 1) },
]

/** The bars of a method: times the naive one on loopback and with a millisecond of latency, and records per second. */
const BARS = [
  { method: 'catalog, 100 records', loopback: 12, latency: 40 },
  { method: 'catalog, 1,000 records x 2 connections', loopback: 25, perSecond: 10_000 },
]

await run()

async function run(): Promise<void> {
  await using database = await startBenchDatabase({ max: 2 })
  const { url, port, sql: near } = database
  const proxy = await startLatencyProxy(port, 1)
  const far = connect({ url: Object.assign(new URL(url), { port: proxy.port }).href, max: 2 })
  try {
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
    const head = `${round(added)} ms`
    console.table(
      Object.fromEntries(
        table.map(row => [
          row.name,
          {
            'records/s': round(row.perSecond),
            'x naive': round(row.times),
            [`records/s at +${head}`]: round(row.farPerSecond),
            [`x naive at +${head}`]: round(row.farTimes),
          },
        ]),
      ),
    )
    for (const bar of BARS) {
      const row = table.find(({ name }) => name === bar.method)!
      const figures = [
        `${round(row.times)} of ${bar.loopback}x naive`,
        bar.latency ? `${round(row.farTimes)} of ${bar.latency}x at +${head}` : '',
        bar.perSecond ? `${round(row.perSecond)} of ${bar.perSecond} records/s` : '',
      ]
      console.log(`bar: ${bar.method}: ${figures.filter(Boolean).join(', ')}`)
    }
    console.table(await measureComponents(url, uploads.take, { records: values.quick ? 5000 : 20_000, rounds }))
  } finally {
    await far.end()
    await proxy.close()
  }
}

type Connection = 'near' | 'far'

/** Every method once per round, near and far, so that load on the machine affects all of them. Records per second by connection and method. */
async function measureSamples(connections: Record<Connection, Client>): Promise<Map<string, number[]>> {
  const samples = new Map<string, number[]>()
  for (let round = 0; round < rounds; round++) {
    for (const connection of ['near', 'far'] as const) {
      for (const { name, records, again, index } of METHODS) {
        const first = uploads.take(values.quick ? Math.ceil(records / 5) : records)
        if (again) await (name.startsWith('naive') ? indexInTransactions : indexInBatches(1000, 1))(connections.near, first)
        const batch = again ? overwrite(first) : first
        const seconds = (await timed(() => index(connections[connection], batch))).ms / 1000
        samples.set(`${connection} ${name}`, [...(samples.get(`${connection} ${name}`) ?? []), batch.length / seconds])
      }
    }
  }
  return samples
}

/** As the indexer does, without the requests to S3: two statements per batch. */
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

/** Fills the tables first, so that neither they nor the plans are those of empty tables. */
async function fillTables(sql: Sql): Promise<void> {
  await indexInBatches(1000, 2)(sql, uploads.take(values.quick ? 5000 : 50_000))
  await fillNaiveTables(sql)
  await sql`analyze`
}

async function measureRoundTrip(sql: Sql): Promise<number> {
  const samples: number[] = []
  for (let n = 0; n < 50; n++) samples.push((await timed(() => sql`select 1`)).ms)
  return median(samples)
}
