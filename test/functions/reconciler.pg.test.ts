import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'vitest'
import { type ReconcilerDependencies, reconciler } from '../../functions/jobs/reconcile.ts'
import { invokeAsync } from '../../functions/runtime/invoke-async.ts'
import { openRun } from '../../shared/catalog/reconcile-runs.ts'
import { takeLease } from '../../shared/catalog/run-leases.ts'
import type { Sql } from '../../shared/database/connection.ts'
import { Invalid, NotFound } from '../../shared/errors.ts'
import { expectEqual, put } from '../shared/reconcile/stage.ts'
import { databaseTest as test } from '../support/postgres/database.ts'
import { makeBucket, type TestS3, testS3, versionsInCatalog } from '../support/s3/bucket.ts'

/** As EventBridge sends it for a rule with a rate. */
const scheduled = {
  version: '0',
  id: '53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa',
  'detail-type': 'Scheduled Event',
  source: 'aws.events',
  account: '123456789012',
  time: '2026-11-01T00:00:00Z',
  region: 'us-east-1',
  resources: ['arn:aws:events:us-east-1:123456789012:rule/reconcile'],
  detail: {},
}

test('an EventBridge rule compares the bucket of the function', async ({ sql }) => {
  await using bucket = await stage(6)
  const { done, run } = await reconciler(dependencies(sql, bucket))(scheduled, time(900))
  expect({ done, run }).toMatchObject({ done: true, run: { bucket: 'docs', prefix: '', findings: { missing: 6, repaired: 6 } } })
  await expectEqual(sql, bucket)
})

test('a run that runs out of time continues in invocations that it starts, until everything is repaired', {
  timeout: 60_000,
}, async ({ sql }) => {
  await using bucket = await stage(40)
  const later: unknown[] = []
  const handler = reconciler({
    ...dependencies(sql, bucket),
    requestsPerSecond: 20,
    continueLater: async event => later.push(event),
  })
  const first = await handler({ bucket: 'docs' }, time(3))
  expect(first).toMatchObject({ done: false, run: { finishedAt: null } })
  expect(later).toEqual([{ runId: first.run.id }])
  let last = first
  for (let n = 0; later.length > 0 && n < 10; n++) last = await handler(later.pop(), time(3))
  expect(last).toMatchObject({
    done: true,
    run: { id: first.run.id, findings: { missing: 40, repaired: 40, versions: 40 } },
  })
  await expectEqual(sql, bucket)
  // The event comes a second time.
  expect(await handler({ runId: first.run.id }, time(3))).toEqual(last)
})

test('one key that cannot be settled stopped the whole bucket', async ({ sql }) => {
  await using bucket = await testS3({
    fault: ({ method, key }) => (method === 'HEAD' && key === 'busy' ? { error: 'NoSuchKey' } : undefined),
  })
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  for (const key of ['a', 'busy', 'z']) await put(bucket, key)
  const entries: object[] = []
  const handler = reconciler({ ...dependencies(sql, bucket), log: entry => entries.push(entry) })
  const { done, run } = await handler({ bucket: 'docs' }, time(900))
  const unsettled = [{ key: 'busy', reason: 'S3 lists the version, but returns 404 for it' }]
  expect({ done, run }).toMatchObject({
    done: true,
    run: { state: 'incomplete', findings: { missing: 2, repaired: 2, unsettled: 1 }, result: { unsettled } },
  })
  expect(entries).toMatchObject([{ level: 'error', message: 'reconciled' }])
  expect((await versionsInCatalog(sql, 'docs')).map(({ key }) => key)).toEqual(['a', 'z'])
})

test('a dry run changes nothing', async ({ sql }) => {
  await using bucket = await stage(3)
  const answer = await reconciler(dependencies(sql, bucket))({ bucket: 'docs', dryRun: true }, time(900))
  expect(answer).toMatchObject({ done: true, run: { isDryRun: true, findings: { missing: 3, repaired: 0 } } })
  expect(await versionsInCatalog(sql, 'docs')).toEqual([])
})

test('a scope that another invocation works on is skipped', async ({ sql }) => {
  await using bucket = await stage(3)
  await takeLease(sql, await openRun(sql, { kind: 'reconcile', bucket: 'docs' }), 60)
  expect(await reconciler(dependencies(sql, bucket))({ bucket: 'docs' }, time(900))).toMatchObject({ done: false })
})

test('an event that is not its own is refused', async ({ sql }) => {
  await using bucket = await stage(0)
  const handler = reconciler(dependencies(sql, bucket))
  for (const event of [undefined, {}, { bucket: '' }, { bucket: 'docs', prefx: 'a' }, { bucket: 'docs', dryRun: 'no' }])
    await expect(handler(event, time(900))).rejects.toThrow(Invalid)
  await expect(handler({ runId: 99 }, time(900))).rejects.toThrow(NotFound)
})

test('the next invocation is requested asynchronously, by the name of the function', async () => {
  const asked: unknown[] = []
  const server = createServer((request, response) => {
    request.on('data', body => asked.push([request.url, request.headers['x-amz-invocation-type'], JSON.parse(String(body))]))
    request.on('end', () => response.writeHead(202).end())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const credentials = { accessKeyId: 'tester', secretAccessKey: 'secret' }
  await invokeAsync('reconciler', { bucket: 'docs' }, { endpoint, region: 'us-east-1', credentials })
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
  expect(asked).toEqual([['/2015-03-31/functions/reconciler/invocations', 'Event', { bucket: 'docs' }]])
})

function dependencies(sql: Sql, { s3 }: TestS3): ReconcilerDependencies {
  return { sql, s3, bucket: 'docs', requestsPerSecond: 1000, graceSeconds: 0 }
}

/** The clock of an invocation that may take so many seconds. */
function time(seconds: number) {
  const end = Date.now() + seconds * 1000
  return { getRemainingTimeInMillis: () => end - Date.now() }
}

/** A bucket with so many keys that nobody indexed, half of them below `a`, half below `b`. */
async function stage(keys: number): Promise<TestS3> {
  const bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  await Promise.all(Array.from({ length: keys }, (_, n) => put(bucket, `${n % 2 === 0 ? 'a' : 'b'}/${n}`)))
  return bucket
}
