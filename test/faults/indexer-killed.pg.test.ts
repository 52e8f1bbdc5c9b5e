import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { startS3 } from '../../local/s3/server.ts'
import { createBucket } from '../../local/s3/store/buckets.ts'
import { databaseTest as test } from '../support/postgres/database.ts'
import { testClient } from '../support/s3/bucket.ts'
import { expectAll, write } from './stage.ts'

test('an indexer killed between commit and acknowledgement loses nothing, and stores nothing twice when it receives the batch again', {
  timeout: 60_000,
}, async ({ sql, database }) => {
  await using ending = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'storage-catalog-faults-'))
  ending.defer(() => rm(folder, { recursive: true, force: true }))
  const server = await startS3({ folder })
  ending.defer(() => server.close())
  createBucket(server.store, 'docs', { versioning: 'Enabled' })
  const s3 = testClient(server.url)
  ending.defer(() => s3.destroy())
  const events = await write(s3, 24)

  const index = async (batches: number) => {
    const script = join(import.meta.dirname, 'indexer-child.ts')
    const options = ['--disable-warning=ExperimentalWarning', script, database.url, server.url, folder, String(batches)]
    const [code, signal] = await once(spawn(process.execPath, options, { stdio: 'inherit' }), 'exit')
    return signal ?? code
  }
  expect(await index(1)).toBe('SIGKILL')
  const [first] = await sql`select count(*) as entries from catalog.storage_audit`
  expect(first).toEqual({ entries: 10 })
  expect(server.events.counts()).toMatchObject({ visible: events - 10, inFlight: 10 })
  expect(await index(3)).toBe('SIGKILL')
  expect(await index(Number.POSITIVE_INFINITY)).toBe(0)
  expect(server.events.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 })
  await expectAll(sql, s3, events)
})
