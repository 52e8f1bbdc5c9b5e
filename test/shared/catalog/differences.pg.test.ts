import { expect } from 'vitest'
import { forgetDifferences, listDifferences, recordDifferences } from '../../../shared/catalog/differences.ts'
import { openRun } from '../../../shared/catalog/reconcile-runs.ts'
import type { Sql } from '../../../shared/database/connection.ts'
import { MAX_RECORDED_DIFFERENCES } from '../../../shared/limits.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'

const LOST = { key: 'a', versionId: 'v', kind: 'missing' } as const

test('a difference that is found again after a crash is kept once', async ({ sql }) => {
  const run = await newRun(sql)
  for (let n = 0; n < 2; n++) await recordDifferences(sql, run, [LOST, { ...LOST, kind: 'stale' }, LOST], 0)
  expect((await listDifferences(sql, run)).items).toEqual([LOST, { ...LOST, kind: 'stale' }])
})

test('the differences of a run are bounded', async ({ sql }) => {
  const run = await newRun(sql)
  await recordDifferences(sql, run, [LOST, { ...LOST, key: 'b' }], MAX_RECORDED_DIFFERENCES - 1)
  await recordDifferences(sql, run, [{ ...LOST, key: 'c' }], MAX_RECORDED_DIFFERENCES + 1)
  expect((await listDifferences(sql, run)).items).toEqual([LOST])
})

test('a run that starts over forgets its differences and those of runs that ended 30 days ago', async ({ sql }) => {
  const [old, recent, own] = [await newRun(sql, 'old'), await newRun(sql, 'recent'), await newRun(sql, 'own')]
  for (const run of [old, recent, own]) await recordDifferences(sql, run, [LOST], 0)
  for (const [run, days] of [
    [old, 31],
    [recent, 29],
  ] as const)
    await sql`update catalog.storage_reconciles set finished_at = now() - make_interval(days => ${days}) where id = ${run}`
  await forgetDifferences(sql, own)
  const left = await Promise.all([old, recent, own].map(async run => (await listDifferences(sql, run)).items.length))
  expect(left).toEqual([0, 1, 0])
})

async function newRun(sql: Sql, bucket = 'docs'): Promise<number> {
  return (await openRun(sql, { kind: 'reconcile', bucket })).id
}
