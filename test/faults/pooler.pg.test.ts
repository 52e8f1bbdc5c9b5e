import postgres from 'postgres'
import { describe, expect } from 'vitest'
import { startS3 } from '../../local/s3/server.ts'
import { createBucket } from '../../local/s3/store/buckets.ts'
import { driftOf, openRun } from '../../shared/catalog/reconcile-runs.ts'
import { type Client, connect } from '../../shared/database/connection.ts'
import { reconcile } from '../../shared/reconcile/reconcile.ts'
import { databaseTest as test } from '../support/postgres/database.ts'
import { testClient } from '../support/s3/bucket.ts'
import { poolerVersion, startPooler } from './pooler.ts'
import { expectAll, startIndexing, write } from './stage.ts'

const version = poolerVersion()
if (version === undefined) console.log('pgbouncer is not installed: the test through a pooler is skipped')
const isPreparing = version !== undefined && version >= 1.21
if (version !== undefined && !isPreparing)
  console.log(`pgbouncer ${version} does not support prepared statements (1.21 does): tested without`)

describe.skipIf(version === undefined)(
  `through a pooler in transaction mode, ${isPreparing ? 'with' : 'without'} prepared statements`,
  () => {
    test('many indexers share two connections, and a reconcile finds no differences', { timeout: 60_000 }, async ({
      sql,
      database,
    }) => {
      await using ending = new AsyncDisposableStack()
      const pooler = ending.use(await startPooler(database.url, version ?? 0))
      const server = await startS3({ folder: ':memory:' })
      ending.defer(() => server.close())
      createBucket(server.store, 'docs', { versioning: 'Enabled' })
      const s3 = testClient(server.url)
      ending.defer(() => s3.destroy())
      const clients = Array.from({ length: 4 }, () => pooledClient(pooler.url))
      ending.defer(async () => void (await Promise.all(clients.map(client => client.end({ timeout: 5 })))))

      const sources = clients.map(client => startIndexing(client, s3, server.events))
      ending.defer(async () => void (await Promise.all(sources.map(source => source.close()))))
      const events = await write(s3, 60)
      // The queue is empty for all when it is for one: what another holds is in flight.
      await Promise.race(sources.map(source => source.drained()))
      await expectAll(sql, s3, events)

      const client = clients[0]!
      const run = await reconcile(client, s3, await openRun(client, { kind: 'reconcile', bucket: 'docs' }), {
        graceSeconds: 0,
        sampleRate: 1,
      })
      expect(driftOf(run.findings)).toBe(0)
      expect(run.finishedAt).not.toBeNull()
    })
  },
)

function pooledClient(url: string): Client {
  const int8 = { to: 20, from: [20], serialize: String, parse: Number }
  return isPreparing ? connect({ url }) : postgres(url, { prepare: false, fetch_types: false, max: 5, types: { int8 } })
}
