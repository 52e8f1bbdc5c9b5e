import { expect } from 'vitest'
import { getHookStatistics, type HookExecution, logHookExecution } from '../../../shared/catalog/hooks.ts'
import { MAX_EXECUTION_MS } from '../../../shared/limits.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'

const execution: HookExecution = { hookName: 'thumbnail', eventType: 'ObjectCreated:Put', executionTimeMs: 10, success: true }
const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second))

test('a hook has its count, success rate, mean, percentiles and last failure', async ({ sql }) => {
  await logHookExecution(
    sql,
    Array.from({ length: 101 }, (_, n) => ({
      ...execution,
      executionTimeMs: n,
      executedAt: at(n),
      success: n !== 40 && n !== 50,
    })),
  )
  await logHookExecution(sql, {
    ...execution,
    success: false,
    error: 'gone',
    bucket: 'b',
    key: 'a\0b',
    executedAt: at(45),
    executionTimeMs: 50,
  })
  const late = {
    ...execution,
    success: false,
    error: 'timed out',
    bucket: 'b',
    key: 'a\0b',
    executedAt: at(200),
    executionTimeMs: 50,
  }
  await logHookExecution(sql, late)
  expect((await getHookStatistics(sql)).items).toEqual([
    {
      hookName: 'thumbnail',
      executions: 103,
      successRate: 99 / 103,
      meanMs: 50,
      p50Ms: 50,
      p95Ms: expect.closeTo(94.9, 5),
      p99Ms: expect.closeTo(98.98, 5),
      lastFailure: { at: at(200), error: 'timed out', bucket: 'b', key: 'a\0b' },
    },
  ])
})

test('statistics are filtered by hook and time', async ({ sql }) => {
  await logHookExecution(sql, [
    { ...execution, hookName: 'b', executedAt: at(1) },
    { ...execution, hookName: 'B', executedAt: at(2), success: false },
    { ...execution, hookName: 'a', executedAt: at(3) },
  ])
  const names = async (filter: Parameters<typeof getHookStatistics>[1]) =>
    (await getHookStatistics(sql, filter)).items.map(({ hookName, lastFailure }) => [hookName, lastFailure?.at])
  expect(await names({})).toEqual([
    ['B', at(2)],
    ['a', undefined],
    ['b', undefined],
  ])
  expect(await names({ hookName: 'a' })).toEqual([['a', undefined]])
  expect(await names({ from: at(2), to: at(3) })).toEqual([['B', at(2)]])
  expect(await names({ hookName: 'never' })).toEqual([])
})

test('statistics of many hooks are returned in pages, also where a hook has nothing in the range', async ({ sql }) => {
  const hooks = ['e', 'B', 'a', 'd', 'c'].map((hookName, n) => ({ ...execution, hookName, executedAt: at(n) }))
  await logHookExecution(sql, hooks)
  const pages: string[][] = []
  for (let cursor: string | undefined; ; ) {
    const page = await getHookStatistics(sql, { from: at(1), limit: 2, cursor })
    pages.push(page.items.map(({ hookName }) => hookName))
    if (page.nextCursor === null) break
    cursor = page.nextCursor
  }
  expect(pages).toEqual([['B', 'a'], ['c', 'd'], []])
})

test('three executions of 1.7e308 ms made the statistics fail for good', async ({ sql }) => {
  const longest = { ...execution, executionTimeMs: MAX_EXECUTION_MS }
  await logHookExecution(sql, [longest, longest, longest])
  expect((await getHookStatistics(sql)).items).toMatchObject([{ meanMs: MAX_EXECUTION_MS, p99Ms: MAX_EXECUTION_MS }])
  for (const executionTimeMs of [MAX_EXECUTION_MS + 1, 1.7e308, Number.NaN]) {
    await expect(logHookExecution(sql, { ...longest, executionTimeMs })).rejects.toThrow()
  }
})

test('an execution is stored as it was logged', async ({ sql }) => {
  const whole = { ...execution, bucket: 'b', key: 'k', error: 'x', payload: { a: [1] }, response: 'text', executedAt: at(1) }
  await logHookExecution(sql, whole)
  const [row] = await sql`
    select hook_name as "hookName", event_type as "eventType", bucket, key, execution_time_ms as "executionTimeMs", success, error,
      payload, response, executed_at as "executedAt"
    from catalog.storage_hooks
  `
  expect(row).toEqual(whole)
})
