import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DeleteBucketCommand, DeleteObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { test } from 'vitest'
import { type LocalCatalog, startCatalog } from '../../local/catalog.ts'
import { type S3Server, startS3 } from '../../local/s3/server.ts'
import { listRuns } from '../../shared/catalog/reconcile-runs.ts'
import { connect } from '../../shared/database/connection.ts'
import { makeDataFolder } from '../support/postgres/data-folder.ts'
import { makeBucket, testClient } from '../support/s3/bucket.ts'
import { digestBucket, digestCatalog } from '../support/s3/digest.ts'
import { fillBucket } from '../support/s3/fill-bucket.ts'

/** Three chunks of a reconcile at this rate, which end after 600 requests: three for each version. */
const VERSIONS = 500

test.concurrent('events lost while the catalog was stopped are repaired soon after the start, in every bucket', {
  timeout: 90_000,
}, async ({ expect }) => {
  await using folder = await emptyFolder()
  const first = await start(folder.path)
  const s3 = testClient(first.catalog.s3Url, first.catalog)
  await makeBucket(s3, 'second', 'Enabled')
  for (const Bucket of ['catalog', 'second']) await s3.send(new PutObjectCommand({ Bucket, Key: 'kept', Body: 'x' }))
  s3.destroy()
  await expect.poll(() => isEqual(first.catalog), { timeout: 10_000 }).toBe(true)
  expect(await runsOf(first.catalog)).toEqual([])
  await first.catalog.stop()

  await withoutEvents(folder.path, async s3 => {
    await s3.send(new PutObjectCommand({ Bucket: 'catalog', Key: 'lost', Body: 'x' }))
    await s3.send(new PutObjectCommand({ Bucket: 'second', Key: 'kept', Body: 'new' }))
    await s3.send(new DeleteObjectCommand({ Bucket: 'catalog', Key: 'kept' }))
    await makeBucket(s3, 'third', 'never')
    await s3.send(new PutObjectCommand({ Bucket: 'third', Key: 'lost', Body: 'x' }))
  })
  const second = await start(folder.path)
  await expect.poll(() => second.lines.length, { timeout: 30_000 }).toBe(3)
  expect(await isEqual(second.catalog, ['catalog', 'second', 'third'])).toBe(true)
  expect(second.lines).toEqual([
    'Bucket catalog differed from the catalog: 2 found, 2 repaired',
    'Bucket second differed from the catalog: 1 found, 1 repaired',
    'Bucket third differed from the catalog: 1 found, 1 repaired',
  ])
  await second.catalog.stop()
})

test.concurrent('a reconcile that the stop of the catalog interrupts continues at the next start', {
  timeout: 90_000,
}, async ({ expect }) => {
  await using folder = await emptyFolder()
  await (await start(folder.path)).catalog.stop()
  await withoutEvents(folder.path, async (_, server) => fillBucket(server, 'catalog', VERSIONS, String))
  const first = await start(folder.path)
  await expect.poll(() => inCatalog(first.catalog), { timeout: 30_000, interval: 20 }).toBeGreaterThan(0)
  await first.catalog.stop()

  const second = await start(folder.path)
  expect(await inCatalog(second.catalog)).toBeLessThan(VERSIONS)
  await expect
    .poll(() => second.lines, { timeout: 30_000 })
    .toEqual([`Bucket catalog differed from the catalog: ${VERSIONS} found, ${VERSIONS} repaired`])
  expect({ before: first.lines, isEqual: await isEqual(second.catalog, ['catalog']) }).toEqual({ before: [], isEqual: true })
  expect(await runsOf(second.catalog)).toMatchObject([{ bucket: 'catalog', finishedAt: expect.any(Date) }])
  await second.catalog.stop()
})

test.concurrent('a bucket that was deleted while the catalog was stopped stayed in it for good; it is removed after the next start', {
  timeout: 90_000,
}, async ({ expect }) => {
  await using folder = await emptyFolder()
  const first = await start(folder.path)
  const s3 = testClient(first.catalog.s3Url, first.catalog)
  await makeBucket(s3, 'second', 'never')
  await s3.send(new PutObjectCommand({ Bucket: 'second', Key: 'a', Body: 'x' }))
  s3.destroy()
  await expect.poll(() => inCatalog(first.catalog), { timeout: 10_000 }).toBe(1)
  await first.catalog.stop()
  await withoutEvents(folder.path, async s3 => {
    await s3.send(new DeleteObjectCommand({ Bucket: 'second', Key: 'a' }))
    await s3.send(new DeleteBucketCommand({ Bucket: 'second' }))
  })
  const second = await start(folder.path)
  const line = 'Bucket second differed from the catalog: 1 found, 1 repaired'
  await expect.poll(() => second.lines, { timeout: 30_000 }).toEqual([line])
  expect(await inCatalog(second.catalog)).toBe(0)
  await second.catalog.stop()
})

async function emptyFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await makeDataFolder('storage-catalog-reconcile-')
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

/** Starts a catalog; `lines` is what it logs, without the migrations. */
async function start(folder: string): Promise<{ catalog: LocalCatalog; lines: string[] }> {
  const lines: string[] = []
  const catalog = await startCatalog({ folder, apiPort: 0, s3Port: 0, postgresPort: 0, refreshDays: 30 }, line => {
    if (!line.startsWith('Database schema: ')) lines.push(line)
  })
  return { catalog, lines }
}

/** Changes the buckets of a stopped catalog; the events are lost. */
async function withoutEvents(folder: string, change: (s3: S3Client, server: S3Server) => Promise<void>): Promise<void> {
  const server = await startS3({ folder: join(folder, 's3'), deliver: () => undefined })
  const s3 = testClient(server.url)
  await change(s3, server)
  s3.destroy()
  await server.close()
}

async function isEqual(catalog: LocalCatalog, buckets = ['catalog', 'second']): Promise<boolean> {
  const s3 = testClient(catalog.s3Url, catalog)
  const sql = connect({ url: catalog.databaseUrl, max: 1 })
  const digests = await Promise.all(
    buckets.map(async bucket => [await digestBucket(s3, { bucket }), await digestCatalog(sql, { bucket })]),
  )
  s3.destroy()
  await sql.end()
  return digests.every(([bucket, known]) => bucket!.count > 0 && bucket!.hash === known!.hash)
}

async function runsOf({ databaseUrl }: LocalCatalog) {
  const sql = connect({ url: databaseUrl, max: 1 })
  const { items: runs } = await listRuns(sql)
  await sql.end()
  return runs
}

async function inCatalog({ databaseUrl }: LocalCatalog): Promise<number> {
  const sql = connect({ url: databaseUrl, max: 1 })
  const [row] = await sql<{ versions: number }[]>`select count(*) as versions from catalog.storage_versions`
  await sql.end()
  return row?.versions ?? 0
}
