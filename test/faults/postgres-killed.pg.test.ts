import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { startPostgres } from '../../local/postgres/postgres.ts'
import { startS3 } from '../../local/s3/server.ts'
import { createBucket } from '../../local/s3/store/buckets.ts'
import { connect } from '../../shared/database/connection.ts'
import { migrate } from '../../shared/database/migrate.ts'
import { makeDataFolder } from '../support/postgres/data-folder.ts'
import { testClient } from '../support/s3/bucket.ts'
import { expectAll, startIndexing, write } from './stage.ts'

test('Postgres that is killed during batches and restarted loses nothing and stores nothing twice', {
  timeout: 90_000,
}, async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  await using ending = new AsyncDisposableStack()
  const folder = await makeDataFolder('storage-catalog-faults-')
  ending.defer(() => rm(folder, { recursive: true, force: true }))
  let postgres = await startPostgres({ folder })
  ending.defer(() => postgres.stop())
  const sql = connect({ url: postgres.url })
  ending.defer(() => sql.end({ timeout: 5 }))
  await migrate(sql, { folder: join(import.meta.dirname, '../../migrations') })

  let requests = Number.NEGATIVE_INFINITY
  let events = 0
  const { promise: inTheMiddle, resolve: reached } = Promise.withResolvers<void>()
  const fault = () => {
    if (++requests === events) reached()
    return undefined
  }
  const server = await startS3({ folder: ':memory:', fault })
  ending.defer(() => server.close())
  createBucket(server.store, 'docs', { versioning: 'Enabled' })
  const s3 = testClient(server.url)
  ending.defer(() => s3.destroy())
  events = await write(s3, 60)
  requests = 0

  const source = startIndexing(sql, s3, server.events)
  ending.defer(() => source.close())
  // S3 is asked about versions just before their batch is written.
  await inTheMiddle
  process.kill(postgres.pid, 'SIGKILL')
  await postgres.exited
  await postgres.stop()
  expect(server.events.counts()).not.toMatchObject({ visible: 0, inFlight: 0, delayed: 0 })
  postgres = await startPostgres({ folder, port: postgres.port })
  await source.drained()
  expect(server.deadLetters.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 })
  await expectAll(sql, s3, events)
})
