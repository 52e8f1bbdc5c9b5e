import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { S3Client } from '@aws-sdk/client-s3'
import { testCredentials } from '../local/s3/auth/credentials.ts'
import { driftOf, openRun } from '../shared/catalog/reconcile-runs.ts'
import type { Sql } from '../shared/database/connection.ts'
import { reconcile } from '../shared/reconcile/reconcile.ts'
import { digestBucket, digestCatalog } from '../test/support/s3/digest.ts'
import { startBenchDatabase } from './support/database.ts'
import { timed } from './support/timing.ts'

/** Backfill, reconcile and digests of a bucket, compared with one of a tenth of its size: versions per second, memory, requests. S3 and Postgres run in other processes. */
const { values } = parseArgs({ options: { versions: { type: 'string', default: '20000' } } })
const largest = Number(values.versions)
const SIZES = [largest / 10, largest]

/** Higher than this machine reaches, so that the limit does not matter. */
const NO_RATE_LIMIT = 1_000_000

type Measurement = { versions: number; seconds: number; requests: number; peakMb: number }

await using cleanup = new AsyncDisposableStack()
const { sql } = cleanup.use(await startBenchDatabase())

const endpoint = fork(join(import.meta.dirname, 'support/reconcile-s3.ts'), SIZES.map(String), {
  execArgv: ['--disable-warning=ExperimentalWarning'],
})
cleanup.defer(() => endpoint.disconnect())
const [url] = (await once(endpoint, 'message')) as [string]
const s3 = new S3Client({ endpoint: url, region: 'us-east-1', forcePathStyle: true, credentials: testCredentials })
cleanup.defer(() => s3.destroy())

const results = new Map<string, Measurement[]>()
// A run to warm up, which compiles the code.
await measure(sql, SIZES[0]!)
await sql`truncate catalog.storage_versions, catalog.storage_objects, catalog.storage_counters, catalog.storage_reconciles`
for (const size of SIZES) {
  for (const [name, result] of Object.entries(await measure(sql, size))) results.set(name, [...(results.get(name) ?? []), result])
}
console.table(
  Object.fromEntries(
    [...results].flatMap(([name, sizes]) =>
      sizes.map(result => [`${name}, ${formatVersions(result.versions)}`, formatRow(result)]),
    ),
  ),
)
for (const [name, [small, large]] of results) {
  const growth = large!.versions / large!.seconds / (small!.versions / small!.seconds)
  console.log(
    `${name}: at ten times the size ${growth.toFixed(2)}x the versions a second, ${(large!.peakMb / small!.peakMb).toFixed(2)}x the memory`,
  )
}

async function measure(sql: Sql, size: number): Promise<Record<string, Measurement>> {
  const bucket = `bench-${size}`
  const run = async (drift: number) => {
    const { findings } = await reconcile(sql, s3, await openRun(sql, { kind: 'reconcile', bucket }), {
      requestsPerSecond: NO_RATE_LIMIT,
    })
    if (driftOf(findings) !== drift) throw new Error(`${driftOf(findings)} of ${drift} differences`)
    return findings.requests
  }
  const backfill = await measureRun(size, () => run(size))
  await sql`analyze`
  const nothing = await measureRun(size, () => run(0))
  const digests = await measureRun(size, async () => {
    const [truth, own] = [await digestBucket(s3, { bucket }), await digestCatalog(sql, { bucket })]
    if (truth.hash !== own.hash) throw new Error('the digests differ')
    return Math.ceil(size / 1000)
  })
  return { backfill, 'reconcile of equal sides': nothing, 'digests of both': digests }
}

async function measureRun(versions: number, act: () => Promise<number>): Promise<Measurement> {
  let peak = 0
  const look = () => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }
  const timer = setInterval(look, 50)
  const { result: requests, ms } = await timed(act)
  clearInterval(timer)
  look()
  return { versions, seconds: ms / 1000, requests, peakMb: peak / 2 ** 20 }
}

function formatRow({ versions, seconds, requests, peakMb }: Measurement) {
  return {
    seconds: Number(seconds.toFixed(1)),
    'versions/s': Math.round(versions / seconds),
    'requests per million': Math.round((requests / versions) * 1_000_000),
    'peak RSS, MB': Math.round(peakMb),
  }
}

function formatVersions(versions: number): string {
  return `${versions.toLocaleString('en')} versions`
}
