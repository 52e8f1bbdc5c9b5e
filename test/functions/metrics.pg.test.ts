import { expect, vi } from 'vitest'
import { auditPruner } from '../../functions/jobs/prune.ts'
import { reconciler } from '../../functions/jobs/reconcile.ts'
import { indexer } from '../../functions/queue/index-batch.ts'
import { type Measure, metricsLog } from '../../functions/runtime/metrics.ts'
import { logAudit } from '../../shared/catalog/audit.ts'
import { put } from '../shared/reconcile/stage.ts'
import { bodyOf, recordOf, startStage } from '../support/indexer-stage.ts'
import { databaseTest as test } from '../support/postgres/database.ts'
import { makeBucket, testS3 } from '../support/s3/bucket.ts'
import { sqsEvent } from '../support/sqs.ts'

test('a measurement is one line of the embedded metric format, with a metric and a unit for each value', () => {
  const lines: string[] = []
  const before = Date.now()
  metricsLog('prod-indexer', line => lines.push(line))({ RecordsIndexed: 7, EventLag: 1.25 })
  expect(lines).toEqual([expect.stringMatching(/^[^\n]+\n$/)])
  const { _aws, ...members } = JSON.parse(lines[0] ?? '')
  expect(members).toEqual({ FunctionName: 'prod-indexer', RecordsIndexed: 7, EventLag: 1.25 })
  expect(_aws.Timestamp).toBeGreaterThanOrEqual(before)
  expect(_aws.CloudWatchMetrics).toEqual([
    {
      Namespace: 'StorageCatalog',
      Dimensions: [['FunctionName']],
      Metrics: [
        { Name: 'RecordsIndexed', Unit: 'Count' },
        { Name: 'EventLag', Unit: 'Seconds' },
      ],
    },
  ])
})

test('outside Lambda nothing is written', () => {
  const write = vi.fn()
  metricsLog(undefined, write)({ Drift: 1 })
  expect(write).not.toHaveBeenCalled()
})

test('in Lambda a line goes to standard output past console.log, which the JSON log format would wrap', () => {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  const log = vi.spyOn(console, 'log').mockReturnValue()
  metricsLog('reconcile')({ Drift: 1 })
  const written = write.mock.calls.map(([line]) => JSON.parse(String(line)))
  vi.restoreAllMocks()
  expect(written).toEqual([expect.objectContaining({ FunctionName: 'reconcile', Drift: 1 })])
  expect(log).not.toHaveBeenCalled()
})

test('a batch writes how many records were indexed and dead-lettered, and the lag of the oldest', async ({ sql }) => {
  await using stage = await startStage(sql)
  const { measure, measured } = recorder()
  const handler = indexer({ sql, s3: stage.s3, sendDeadLetter: stage.sendDeadLetter, maxReceives: 5, measure })
  const occurred = Date.now() - 60_000
  const old = recordOf(await stage.put('old'), { eventTime: new Date(occurred).toISOString() })
  await handler(sqsEvent([bodyOf(old, { ...old, eventVersion: '3.0' }), await stage.put('new')]))
  expect(measured).toEqual([{ RecordsIndexed: 2, EventLag: expect.any(Number), RecordsDeadLettered: 1 }])
  expect(measured[0]?.EventLag).toBeGreaterThanOrEqual(60)
  expect(measured[0]?.EventLag).toBeLessThanOrEqual((Date.now() - occurred) / 1000)
})

test('a batch of which nothing was indexed has no lag', async ({ sql }) => {
  await using stage = await startStage(sql)
  const { measure, measured } = recorder()
  await indexer({ sql, s3: stage.s3, sendDeadLetter: stage.sendDeadLetter, maxReceives: 5, measure })(sqsEvent(['{}']))
  expect(measured).toEqual([{ RecordsIndexed: 0, RecordsDeadLettered: 1 }])
})

test('a reconcile writes its drift once, however often its event arrives', async ({ sql }) => {
  await using bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  for (const key of ['a', 'b', 'c']) await put(bucket, key)
  const { measure, measured } = recorder()
  const handler = reconciler({
    sql,
    s3: bucket.s3,
    bucket: 'docs',
    requestsPerSecond: 1000,
    graceSeconds: 0,
    measure,
  })
  const time = { getRemainingTimeInMillis: () => 900_000 }
  await handler({ bucket: 'docs', dryRun: true }, time)
  const { run } = await handler({ bucket: 'docs' }, time)
  await handler({ runId: run.id }, time)
  await handler({ bucket: 'docs' }, time)
  const always = { OldestObservation: expect.any(Number), KeysUnsettled: 0 }
  expect(measured).toEqual([
    { Drift: 3, ...always },
    { Drift: 3, ReconcilesFinished: 1, ...always },
    { Drift: 0, ReconcilesFinished: 1, ...always },
  ])
})

test('a prune writes what it deleted', async ({ sql }) => {
  const { measure, measured } = recorder()
  await logAudit(
    sql,
    [400, 366, 0].map(days => ({ action: 'UPLOAD', occurredAt: new Date(Date.now() - days * 86_400_000) })),
  )
  await auditPruner({ sql, retentionDays: 365, measure })()
  expect(measured).toEqual([{ RowsPruned: 2, PrunesFinished: 1 }])
})

function recorder() {
  const measured: Parameters<Measure>[0][] = []
  const measure: Measure = values => measured.push(values)
  return { measure, measured }
}
