import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { startPostgres } from '../../local/postgres/postgres.ts'
import { startS3 } from '../../local/s3/server.ts'
import { createBucket } from '../../local/s3/store/buckets.ts'
import { connect } from '../../shared/database/connection.ts'
import { migrate } from '../../shared/database/migrate.ts'
import { testClient } from '../support/bucket.ts'
import { makeDataFolder } from '../support/data-folder.ts'
import { expectAll, startIndexing, write } from './stage.ts'

test('Postgres killed in the middle of batches and started again has lost and doubled nothing', { timeout: 90_000 }, async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  await using ending = new AsyncDisposableStack()
  const folder = await makeDataFolder('storage-catalog-faults-')
  ending.defer(() => rm(folder, { recursive: true, force: true }))
  let postgres = await startPostgres({ folder })
  ending.defer(() => postgres.stop())
  const sql = connect({ url: postgres.url })
  ending.defer(() => sql.end({ timeout: 5 }))
  await migrate(sql, { folder: join(import.meta.dirname, '../../migrations') })

  let asked = 0
  const server = await startS3({ folder: ':memory:', fault: () => void asked++ })
  ending.defer(() => server.close())
  createBucket(server.store, 'docs', { versioning: 'Enabled' })
  const s3 = testClient(server.url)
  ending.defer(() => s3.destroy())
  const events = await write(s3, 60)
  asked = 0

  const source = startIndexing(sql, s3, server.events)
  ending.defer(() => source.close())
  // Versions are asked about just before their batch is written.
  while (asked < events) await sleep(2)
  process.kill(postgres.pid, 'SIGKILL')
  await postgres.exited
  await postgres.stop()
  expect(server.events.counts()).not.toMatchObject({ visible: 0, inFlight: 0, delayed: 0 })
  postgres = await startPostgres({ folder, port: postgres.port })
  await source.drained()
  expect(server.deadLetters.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 })
  await expectAll(sql, s3, events)
})
