import * as shared from '../../../shared/catalog/hooks.ts'
import { bucketOf, type Operation } from '../operation.ts'

/** GET /hooks. */
export const getHookStatistics: Operation<'getHookStatistics'> = async ({ sql }, { query }) => ({
  body: { items: await shared.getHookStatistics(sql, query), nextCursor: null },
})

/** POST /hooks. */
export const logHookExecution: Operation<'logHookExecution'> = async (parts, { body }) => {
  const executions = body.map(entry => ({ ...entry, bucket: entry.key === undefined ? entry.bucket : bucketOf(parts, entry) }))
  await shared.logHookExecution(parts.sql, executions)
  return { body: { logged: executions.length } }
}
