import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { auditPruner } from '../../functions/jobs/prune.ts'
import { reconciler } from '../../functions/jobs/reconcile.ts'
import { indexer } from '../../functions/queue/index-batch.ts'
import { lazyS3 } from '../../functions/runtime/lazy-s3.ts'
import { type OperationId, routes } from '../../shared/api/routes.ts'
import type { Client } from '../../shared/database/connection.ts'
import { migrate } from '../../shared/database/migrate.ts'
import { DATABASE_OWNER, DATABASE_ROLES } from '../../shared/database/roles.ts'
import { deliver, expectEqual, lose, put, remove } from '../shared/reconcile/stage.ts'
import { type FakeRds, fakeRds } from '../support/postgres/rds.ts'
import { makeBucket, type TestS3, testS3 } from '../support/s3/bucket.ts'
import { asImplementation } from '../support/s3/other-s3.ts'
import { sqsEvent } from '../support/sqs.ts'
import { testApi } from './api-client.ts'

let rds: FakeRds
let bucket: TestS3
let owner: Client
const signedIn: Client[] = []

beforeAll(async () => {
  rds = await fakeRds()
  await rds.createDatabase('catalog')
  owner = signIn(DATABASE_OWNER)
  await migrate(owner, { folder: join(import.meta.dirname, '../../migrations') })
  bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
})

afterAll(async () => {
  await bucket[Symbol.asyncDispose]()
  await Promise.all(signedIn.map(sql => sql.end()))
  await rds[Symbol.asyncDispose]()
})

function signIn(role: string): Client {
  const sql = rds.signIn(role, 'catalog')
  signedIn.push(sql)
  return sql
}

test('the indexer indexes the events of its bucket, and reports those that it could not', async () => {
  const sql = signIn(DATABASE_ROLES.indexer)
  const first = await put(bucket, 'a', 'one')
  await put(bucket, 'a', 'two')
  await put(bucket, 'b')
  await remove(bucket, 'a', first)
  await remove(bucket, 'b')
  await deliver(sql, bucket)
  await expectEqual(owner, bucket)
  const handler = indexer({ sql, s3: bucket.s3, sendDeadLetter: async () => true, maxReceives: 5 })
  expect(await handler(sqsEvent(['no JSON']))).toEqual({ batchItemFailures: [] })
})

test('the indexer could not read what an event of another S3 hints at', async () => {
  const sql = signIn(DATABASE_ROLES.indexer)
  await using other = await asImplementation(bucket, 'ceph')
  await put(bucket, 'of ceph', 'one')
  await remove(bucket, 'of ceph')
  await deliver(sql, { ...other, events: other.events })
  lose(bucket)
  await expectEqual(owner, bucket)
  await expect(sql`select metadata from catalog.storage_versions`).rejects.toMatchObject({ code: '42501' })
})

test('the API does all of its operations', async () => {
  const credentials = { accessKeyId: 'catalog', secretAccessKey: 'catalog-secret' }
  const s3 = lazyS3({ endpoint: bucket.server.url, region: 'us-east-1', forcePathStyle: true, credentials })
  const api = await testApi(signIn(DATABASE_ROLES.api), { s3 })
  const version = { key: 'k', versionId: 'v1' }
  const local = { storageBackend: 'local' }
  // In this order: what is recorded is read, and deleted at last.
  const inputs: Record<OperationId, { query?: Record<string, string>; body?: unknown }> = {
    getHealth: {},
    getDescription: {},
    recordObject: { query: { key: 'k' }, body: { ...local, size: 1, versionId: 'v0', metadata: { a: 'b' } } },
    recordVersion: { body: { ...local, ...version, size: 2 } },
    annotateVersion: { query: version, body: { comment: 'seen', tags: { year: '2026' } } },
    listVersions: { query: { key: 'k' } },
    getObject: { query: { key: 'k' } },
    listObjects: { query: { delimiter: '/' } },
    searchObjects: { query: { q: 'k or 2026' } },
    getStatistics: {},
    listBuckets: {},
    logAudit: { body: { action: 'REVIEW', key: 'k' } },
    getAuditLogs: { query: { key: 'k' } },
    logHookExecution: { body: { hookName: 'scan', eventType: 'put', executionTimeMs: 1, success: true } },
    getHookStatistics: {},
    createUpload: { body: { bucket: 'docs', key: 'new' } },
    startReconcile: { body: { kind: 'digest', requestsPerSecond: 100 } },
    listReconciles: {},
    getReconcile: { query: { id: '1' } },
    listDifferences: { query: { run: '1' } },
    stopReconcile: { query: { id: '1' } },
    getDownload: { query: { bucket: 'docs', key: 'a' } },
    deleteObject: { query: { bucket: 'docs', key: 'a' } },
    forgetVersions: { query: { key: 'k' } },
  }
  for (const [id, { query, body }] of Object.entries(inputs)) {
    const route = routes[id as OperationId]
    const answer = await api.ask(route.method, route.path, { query, body })
    expect(answer, id).toMatchObject({ status: route.status })
    if (id === 'startReconcile') await owner`insert into catalog.storage_differences values (1, 'k', 'v1', 'stale')`
    if (route.method === 'GET' && 'items' in Object(answer.json)) expect(answer.items, id).not.toEqual([])
  }
  await api.close()
})

test('the pruner drops months, deletes the rest, and creates the months ahead, which it owns', async () => {
  const sql = signIn(DATABASE_ROLES.pruner)
  vi.spyOn(console, 'log').mockImplementation(() => undefined)
  // As months before left it, made by the owner; and the last of the months ahead was never made.
  await owner`select catalog.extend_past_partition(${month(-2)})`
  for (const n of [-2, -1]) {
    const bounds = [month(n), month(n + 1)].map(time => `'${time.toISOString()}'`) as [string, string]
    await owner`select catalog.attach_audit_partition(${partition(n)}, ${bounds[0]}, ${bounds[1]})`
  }
  for (const n of [-3, -2, -1]) {
    await owner`insert into catalog.storage_audit (action, occurred_at) values ('OLD', ${month(n)}::timestamptz + interval '9 days')`
  }
  await owner`drop table ${owner(`catalog.${partition(3)}`)}`
  await owner`
    insert into catalog.storage_tombstones (bucket, key, version_id, observed_at, created_at)
    values ('docs', 'long ago', 'v', 'infinity', now() - interval '31 days')`
  const retentionDays = Math.floor((Date.now() - month(-1).getTime()) / 86_400_000) - 14
  expect(await auditPruner({ sql, retentionDays })()).toMatchObject({
    droppedPartitions: [partition(-2)],
    deletedRows: 2,
    deletedTombstones: 1,
  })
  expect(await foreignPartitions()).toEqual([])
  const [ahead] = await owner`select to_regclass(${`catalog.${partition(3)}`}) is not null as "isThere"`
  expect(ahead).toEqual({ isThere: true })
  vi.restoreAllMocks()
})

test('the reconciler repairs what was lost, and records its runs', async () => {
  const sql = signIn(DATABASE_ROLES.reconciler)
  await put(bucket, 'lost')
  lose(bucket)
  const dependencies = { sql, s3: bucket.s3, bucket: 'docs', requestsPerSecond: 1000, sampleRate: 1, graceSeconds: 0 }
  const { done, run } = await reconciler(dependencies)({ bucket: 'docs' }, { getRemainingTimeInMillis: () => 900_000 })
  expect({ done, run }).toMatchObject({ done: true, run: { findings: { missing: 1, repaired: 1 } } })
  await expectEqual(owner, bucket)
})

/** Partitions that do not belong to the pruner. */
async function foreignPartitions(): Promise<string[]> {
  const rows = await owner<{ name: string }[]>`
    select relname as name
    from pg_class
    where relname ~ '^storage_audit(_past|_\d|$)' and relkind in ('r', 'p') and relowner <> 'catalog_pruner'::regrole`
  return rows.map(({ name }) => name)
}

/** The first moment of the month so many months after this one, in UTC. */
function month(offset: number): Date {
  const now = new Date()
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset, 1))
}

function partition(offset: number): string {
  return `storage_audit_${month(offset).toISOString().slice(0, 7).replace('-', '_')}`
}
