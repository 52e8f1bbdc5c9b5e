import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect } from 'vitest'
import { listRuns, openRun, type ReconcileRun } from '../../../shared/catalog/reconcile-runs.ts'
import { saveCheckpoint, takeLease } from '../../../shared/catalog/run-leases.ts'
import { Conflict } from '../../../shared/errors.ts'
import { reconcile } from '../../../shared/reconcile/reconcile.ts'
import { skippingClock } from '../../support/clock.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'
import { makeBucket, type TestS3, testS3, versionsInCatalog } from '../../support/s3/bucket.ts'
import { drift, driftIn, expectEqual, put, run } from './stage.ts'

test('a stopped run continues after its checkpoint, and counts everything once', async ({ sql }) => {
  await using bucket = await filled(40)
  const steps: ReconcileRun[] = []
  // Ten differences are as much as this pace allows for a step.
  const options = {
    requestsPerSecond: 10,
    clock: skippingClock(),
    onProgress: (step: ReconcileRun) => steps.push(step),
    shouldStop: () => steps.length >= 2,
  }
  const stopped = await run(sql, bucket, {}, options)
  expect(stopped).toMatchObject({
    finishedAt: null,
    checkpoint: 'key 119',
    findings: { missing: 20, repaired: 20, versions: 20 },
  })
  expect(await versionsInCatalog(sql, 'docs')).toHaveLength(20)

  const finished = await run(sql, bucket)
  expect(finished).toMatchObject({ id: stopped.id, finishedAt: expect.any(Date), checkpoint: 'key 139' })
  expect(finished.findings).toMatchObject({ ...drift({ missing: 40, repaired: 40 }), versions: 40 })
  await expectEqual(sql, bucket)
  expect((await run(sql, bucket)).id).not.toBe(stopped.id)
})

test('differences that still have to wait are compared again by the next run', async ({ sql }) => {
  await using bucket = await filled(3)
  const clock = skippingClock()
  const shouldStop = () => clock.now() > 300
  const stopped = await run(sql, bucket, {}, { graceSeconds: 60, shouldStop, clock })
  expect(stopped).toMatchObject({ finishedAt: null, checkpoint: null, findings: { missing: 0, versions: 0 } })
  expect(driftIn(await run(sql, bucket))).toEqual(drift({ missing: 3, repaired: 3 }))
})

test('a run whose process was killed continues after its checkpoint', { timeout: 60_000 }, async ({ sql, database }) => {
  await using bucket = await filled(40)
  const child = spawn(process.execPath, [join(import.meta.dirname, 'child.ts'), database.url, bucket.server.url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  const [left] = (await listRuns(sql)).items
  expect(left).toMatchObject({ finishedAt: null, checkpoint: 'key 109', findings: { repaired: 10 } })
  await expect(run(sql, bucket)).rejects.toThrow(Conflict)

  await sql`update catalog.storage_reconciles set leased_until = now() - interval '1 second'`
  const finished = await run(sql, bucket)
  expect(finished).toMatchObject({ id: left?.id, finishedAt: expect.any(Date), findings: { versions: 40 } })
  await expectEqual(sql, bucket)
})

test('of many processes that start to work on a run at once, one does', async ({ sql }) => {
  await using bucket = await filled(20)
  const opened = await Promise.all(Array.from({ length: 5 }, () => openRun(sql, { kind: 'reconcile', bucket: 'docs' })))
  expect(new Set(opened.map(({ id }) => id)).size).toBe(1)
  const results = await Promise.allSettled(opened.map(one => reconcile(sql, bucket.s3, one, { graceSeconds: 0 })))
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  const reasons = results.flatMap(result => (result.status === 'rejected' ? [result.reason] : []))
  expect(reasons.every(reason => reason instanceof Conflict)).toBe(true)
})

test('a run is restarted only when no process works on it', async ({ sql }) => {
  const opened = await openRun(sql, { kind: 'reconcile', bucket: 'docs' })
  const lease = await takeLease(sql, opened, 60)
  await saveCheckpoint(sql, lease, { ...opened, checkpoint: 'k' }, false)
  await expect(openRun(sql, { kind: 'reconcile', bucket: 'docs' }, true)).rejects.toThrow(Conflict)
  await sql`update catalog.storage_reconciles set leased_until = now() - interval '1 second'`
  expect(await openRun(sql, { kind: 'reconcile', bucket: 'docs' }, true)).toMatchObject({ id: opened.id, checkpoint: null })
})

test('a process that lost its lease writes no checkpoint', async ({ sql }) => {
  const opened = await openRun(sql, { kind: 'reconcile', bucket: 'docs' })
  const dead = await takeLease(sql, opened, 0)
  await takeLease(sql, opened, 60)
  await expect(saveCheckpoint(sql, dead, { ...opened, checkpoint: 'old' }, false)).rejects.toThrow(Conflict)
  expect(await openRun(sql, { kind: 'reconcile', bucket: 'docs' })).toMatchObject({ checkpoint: null })
})

async function filled(keys: number): Promise<TestS3> {
  const bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  await Promise.all(Array.from({ length: keys }, (_, n) => put(bucket, `key ${n + 100}`)))
  return bucket
}
