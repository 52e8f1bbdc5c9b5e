import { bucketOf, type Operation } from '../operation.ts'

/** GET /hooks. */
export const getHookStatistics: Operation<'getHookStatistics'> = async ({ sql }, { query }) => {
  const { getHookStatistics: statisticsOf } = await hooks()
  return { body: { items: await statisticsOf(sql, query), nextCursor: null } }
}

/** POST /hooks. */
export const logHookExecution: Operation<'logHookExecution'> = async (dependencies, { body }) => {
  const { logHookExecution: log } = await hooks()
  const executions = body.map(entry => ({
    ...entry,
    bucket: entry.key === undefined ? entry.bucket : bucketOf(dependencies, entry),
  }))
  await log(dependencies.sql, executions)
  return { body: { logged: executions.length } }
}

/** Loaded when first needed, not in a cold start. */
function hooks() {
  return import('../../../shared/catalog/hooks.ts')
}
