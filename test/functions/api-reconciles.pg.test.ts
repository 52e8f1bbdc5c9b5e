import { expect } from 'vitest'
import { reconciler } from '../../functions/jobs/reconcile.ts'
import type { Client } from '../../shared/database/connection.ts'
import { put } from '../shared/reconcile/stage.ts'
import { databaseTest as test } from '../support/postgres/database.ts'
import { makeBucket, type TestS3, testS3 } from '../support/s3/bucket.ts'
import { type Ask, testApi } from './api-client.ts'

test('a run is started, worked on in the background, and seen with its findings', async ({ sql }) => {
  await using stage = await startStage(sql)
  await put(stage.bucket, 'lost')
  const { status, json } = await stage.ask('POST', '/reconciles', { body: { graceSeconds: 0 } })
  expect({ status, json }).toMatchObject({
    status: 202,
    json: { kind: 'reconcile', bucket: 'docs', prefix: '', isDryRun: false, options: { graceSeconds: 0 }, state: 'waiting' },
  })
  await stage.settled()
  expect(await stage.get(1)).toMatchObject({ state: 'finished', findings: { missing: 1, repaired: 1 }, error: null })
  const { items } = await stage.ask('GET', '/reconciles', { query: { bucket: 'docs' } })
  expect(items).toMatchObject([{ id: 1, state: 'finished' }])
})

test('a run did not say which keys differ', async ({ sql }) => {
  await using stage = await startStage(sql)
  const lost = [await put(stage.bucket, 'b \u0000'), await put(stage.bucket, 'a')]
  await stage.ask('POST', '/reconciles', { body: { graceSeconds: 0, dryRun: true } })
  await stage.settled()
  const first = await stage.ask('GET', '/differences', { query: { run: '1', limit: '1' } })
  expect(first.json).toMatchObject({ items: [{ key: 'a', versionId: lost[1], kind: 'missing' }] })
  const { nextCursor: cursor } = first.json as { nextCursor: string }
  expect(await stage.ask('GET', '/differences', { query: { run: '1', limit: '1', cursor } })).toMatchObject({
    json: { items: [{ key: 'b \u0000', versionId: lost[0], kind: 'missing' }], nextCursor: null },
  })
  expect(await stage.ask('GET', '/differences', { query: { run: '2' } })).toMatchObject({ status: 404 })
})

test('a digest has both digests as its result', async ({ sql }) => {
  await using stage = await startStage(sql)
  await put(stage.bucket, 'lost')
  await stage.ask('POST', '/reconciles', { body: { kind: 'digest' } })
  await stage.settled()
  const hash = expect.stringMatching(/^[0-9a-f]{64}$/)
  expect(await stage.get(1)).toMatchObject({ result: { bucket: { count: 1, hash }, catalog: { count: 0, hash } } })
})

test('what the caller got wrong fails the run with its reason, and is no error of the function', async ({ sql }) => {
  await using stage = await startStage(sql)
  await stage.ask('POST', '/reconciles', { body: { bucket: 'nowhere' } })
  await stage.settled()
  expect(await stage.get(1)).toMatchObject({ state: 'failed', error: expect.stringMatching(/^NoSuchBucket: /) })
  expect(stage.errors).toEqual([])
})

test('a run that nobody works on yet is stopped at once, and the same request continues it', async ({ sql }) => {
  await using stage = await startStage(sql, { isAway: true })
  await stage.ask('POST', '/reconciles', { body: { prefix: 'a/' } })
  expect(await stage.ask('DELETE', '/reconcile', { query: { id: '1' } })).toMatchObject({
    status: 202,
    json: { state: 'stopped' },
  })
  expect(await stage.ask('POST', '/reconciles', { body: { prefix: 'a/' } })).toMatchObject({ json: { id: 1, state: 'waiting' } })
})

test.for([
  [{ kind: 'compare' }, 'kind must be one of reconcile, digest, preview, inventory'],
  [{ sampleRate: 1.5 }, 'sampleRate must be a number from 0 to 1'],
  [{ requestsPerSecond: 0 }, 'requestsPerSecond must be a number from 0.01 to 5000'],
  [{ kind: 'inventory' }, 'The body needs a manifest for the kind inventory'],
  [{ manifest: 's3://a/b' }, 'manifest is only for the kind inventory'],
  [{ kind: 'inventory', manifest: 'reports/manifest.json' }, 'manifest must be s3://bucket/.../manifest.json'],
  [{ kind: 'digest', dryRun: true }, 'dryRun is only for the kind reconcile'],
  [{ kind: 'inventory', manifest: 's3://a/b', sampleRate: 1 }, 'sampleRate is only for the kind reconcile'],
  [{ bucketDeleted: 'yes' }, 'bucketDeleted must be true or false'],
  [{ kind: 'digest', bucketDeleted: true }, 'bucketDeleted is only for the kind reconcile'],
  [{ kind: 'preview', graceSeconds: 5 }, 'graceSeconds is only for the kind reconcile'],
  [{ grace: 1 }, 'unknown field grace'],
] as const)('POST /reconciles with %j is refused', async ([body, message], { sql }) => {
  await using stage = await startStage(sql, { isAway: true })
  expect(await stage.ask('POST', '/reconciles', { body })).toMatchObject({ status: 400, error: { message } })
})

test.for([
  ['GET', '7', 404],
  ['DELETE', '7', 404],
  ['GET', 'x', 400],
  ['GET', '0', 400],
] as const)('%s /reconcile?id=%s is %i', async ([method, id, status], { sql }) => {
  await using stage = await startStage(sql, { isAway: true })
  expect(await stage.ask(method, '/reconcile', { query: { id } })).toMatchObject({ status })
})

type Stage = AsyncDisposable & {
  bucket: TestS3
  ask: Ask
  get(id: number): Promise<unknown>
  /** Waits until nothing that the API started is under way. */
  settled(): Promise<void>
  errors: unknown[]
}

/** An API with a bucket `docs`, and a reconciler in this process, unless it is away. */
async function startStage(sql: Client, { isAway = false } = {}): Promise<Stage> {
  const bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  const work = reconciler({ sql, s3: bucket.s3, bucket: 'docs', log: () => undefined })
  const started: Promise<unknown>[] = []
  const errors: unknown[] = []
  const startRun = async (runId: number) => {
    if (!isAway) started.push(work({ runId }, { getRemainingTimeInMillis: () => 900_000 }).catch(error => errors.push(error)))
  }
  const api = await testApi(sql, { startRun, defaultBucket: 'docs' })
  return {
    bucket,
    ask: api.ask,
    errors,
    get: async id => (await api.ask('GET', '/reconcile', { query: { id: String(id) } })).json,
    settled: async () => {
      await Promise.all(started)
    },
    async [Symbol.asyncDispose]() {
      await api.close()
      await bucket[Symbol.asyncDispose]()
    },
  }
}
