import { expect } from 'vitest'
import { getRun, listRuns, openRun, type ReconcileRun, requestStop } from '../../../shared/catalog/reconcile-runs.ts'
import { releaseLease, takeLease } from '../../../shared/catalog/run-leases.ts'
import type { Sql } from '../../../shared/database/connection.ts'
import { Conflict, NotFound } from '../../../shared/errors.ts'
import type { RunKind } from '../../../shared/names.ts'
import { continueRun } from '../../../shared/reconcile/continue-run.ts'
import type { ReconcileOptions } from '../../../shared/reconcile/reconcile.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'
import { makeBucket, type TestS3, testS3, versionsInCatalog } from '../../support/s3/bucket.ts'
import { digestBucket, digestCatalog } from '../../support/s3/digest.ts'
import { fillBucket } from '../../support/s3/fill-bucket.ts'
import { writeInventory } from '../../support/s3/inventory-report.ts'
import { deliver, expectEqual, lose, put } from './stage.ts'

test('a digest that is stopped after each key and continued ends with the digests of both sides', async ({ sql }) => {
  await using bucket = await filled(5)
  await deliver(sql, bucket)
  await put(bucket, 'key 3', 'lost')
  lose(bucket)
  let steps = 0
  let run: ReconcileRun
  do run = await work(sql, bucket, 'digest', { shouldStop: () => true })
  while (run.finishedAt === null && ++steps < 10)
  expect(steps).toBe(5)
  expect(run.result).toEqual({
    bucket: await digestBucket(bucket.s3, { bucket: 'docs' }),
    catalog: await digestCatalog(sql, { bucket: 'docs' }),
  })
  expect(run.findings.versions).toBe(6)
})

test('a preview has the estimate as its result, also when its time is over after the first page', async ({ sql }) => {
  await using bucket = await filled(3)
  const { result } = await work(sql, bucket, 'preview', { shouldStop: () => true })
  expect(result).toMatchObject({ isExact: true, versions: 3, cataloged: 0, requests: { list: 1, head: 3, tagging: 3, total: 7 } })
})

test('an inventory that is stopped continues after its last row', { timeout: 60_000 }, async ({ sql }) => {
  await using bucket = await testS3()
  fillBucket(bucket.server, 'docs', 1100, n => `key ${n}`)
  await makeBucket(bucket.s3, 'reports', 'never')
  const key = await writeInventory(bucket.s3, { bucket: 'docs', to: 'reports', format: 'CSV' })
  const options = { manifest: `s3://reports/${key}` }
  const opened = await openRun(sql, { bucket: 'docs', kind: 'inventory', options })
  const stopped = await continueRun(sql, bucket.s3, opened, { requestsPerSecond: 5000, shouldStop: () => true })
  expect(stopped).toMatchObject({ finishedAt: null, checkpoint: '1:450', findings: { versions: 1000, repaired: 1000 } })
  const finished = await continueRun(sql, bucket.s3, stopped, { requestsPerSecond: 5000 })
  expect(finished).toMatchObject({ state: 'finished', checkpoint: '1:550', findings: { versions: 1100, missing: 1100 } })
  expect(await versionsInCatalog(sql, 'docs')).toHaveLength(1100)
})

test('an inventory of another report starts over, the same continues', async ({ sql }) => {
  const open = (manifest: string) => openRun(sql, { bucket: 'docs', kind: 'inventory', options: { manifest } })
  const { id } = await open('s3://reports/1')
  await sql`update catalog.storage_reconciles set checkpoint = '0:1000'`
  expect(await open('s3://reports/1')).toMatchObject({ id, checkpoint: '0:1000' })
  expect(await open('s3://reports/2')).toMatchObject({ id, checkpoint: null, options: { manifest: 's3://reports/2' } })
})

test('a run that is asked to stop stops at its checkpoint, and continues only when it is opened again', async ({ sql }) => {
  await using bucket = await filled(30)
  const opened = await openRun(sql, { kind: 'reconcile', bucket: 'docs' })
  const stopAtOnce = async () => {
    if ((await getRun(sql, opened.id)).state === 'running') await requestStop(sql, opened.id)
  }
  let asked: Promise<void> | undefined
  const stopped = await continueRun(sql, bucket.s3, opened, {
    requestsPerSecond: 10,
    graceSeconds: 0,
    onProgress: () => (asked ??= stopAtOnce()),
  })
  await asked
  expect(stopped).toMatchObject({ finishedAt: null, stopRequestedAt: expect.any(Date) })
  expect(stopped.findings.versions).toBeLessThan(30)
  expect(await getRun(sql, opened.id)).toMatchObject({ state: 'stopped' })
  await expect(continueRun(sql, bucket.s3, stopped, {})).rejects.toThrow(Conflict)
  const finished = await work(sql, bucket, 'reconcile', { graceSeconds: 0 })
  expect(finished).toMatchObject({ id: opened.id, state: 'finished', findings: { versions: 30, repaired: 30 } })
  await expectEqual(sql, bucket)
  await expect(requestStop(sql, opened.id)).rejects.toThrow(Conflict)
  await expect(requestStop(sql, 99)).rejects.toThrow(NotFound)
})

test('starting a run again changed the options of one that is being worked on, and cancelled a request to stop it', async ({
  sql,
}) => {
  const opened = await openRun(sql, { kind: 'reconcile', bucket: 'docs', options: { requestsPerSecond: 5 } })
  const lease = await takeLease(sql, opened, 60)
  await requestStop(sql, opened.id)
  const again = await openRun(sql, { kind: 'reconcile', bucket: 'docs', options: { requestsPerSecond: 500 } })
  expect(again).toMatchObject({ id: opened.id, options: { requestsPerSecond: 5 }, stopRequestedAt: expect.any(Date) })
  await releaseLease(sql, lease)
  const free = await openRun(sql, { kind: 'reconcile', bucket: 'docs', options: { requestsPerSecond: 500 } })
  expect(free).toMatchObject({ id: opened.id, options: { requestsPerSecond: 500 }, stopRequestedAt: null })
})

test('runs of different kinds about the same keys are different runs, and are listed newest first in pages', async ({ sql }) => {
  const kinds: RunKind[] = ['reconcile', 'digest', 'preview']
  for (const kind of kinds) await openRun(sql, { bucket: 'docs', kind })
  await openRun(sql, { kind: 'reconcile', bucket: 'logs' })
  const first = await listRuns(sql, { bucket: 'docs', limit: 2 })
  const second = await listRuns(sql, { bucket: 'docs', limit: 2, cursor: first.nextCursor ?? '' })
  expect([...first.items, ...second.items].map(({ kind }) => kind)).toEqual(kinds.toReversed())
  expect(second.nextCursor).toBeNull()
  expect((await listRuns(sql)).items).toHaveLength(4)
})

async function work(sql: Sql, { s3 }: TestS3, kind: RunKind, options: ReconcileOptions): Promise<ReconcileRun> {
  return continueRun(sql, s3, await openRun(sql, { bucket: 'docs', kind }), options)
}

/** A bucket with a number of keys that are not indexed. */
async function filled(keys: number): Promise<TestS3> {
  const bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  await Promise.all(Array.from({ length: keys }, (_, n) => put(bucket, `key ${n}`)))
  return bucket
}
