import { bucketOf, type Operation } from '../operation.ts'
import { auditedWrite } from '../writes/audited-write.ts'

/** GET /hooks. */
export const getHookStatistics: Operation<'getHookStatistics'> = async ({ sql }, { query }) => {
  const { getHookStatistics: statisticsOf } = await hooks()
  return { body: await statisticsOf(sql, query) }
}

/** POST /hooks. One audit entry for all executions of the request. */
export const logHookExecution: Operation<'logHookExecution'> = async (dependencies, { body, caller }) => {
  const { logHookExecution: log } = await hooks()
  const executions = body.map(entry => ({
    ...entry,
    bucket: entry.key === undefined ? entry.bucket : bucketOf(dependencies, entry),
  }))
  await auditedWrite(dependencies.sql, caller, async (sql, trail) => {
    await log(sql, executions)
    trail.add({ action: 'LOG_HOOKS', metadata: { executions: executions.length, hooks: namesOf(executions) } })
  })
  return { body: { logged: executions.length } }
}

/** Names of hooks that an audit entry has at most. */
const MAX_NAMES = 20

function namesOf(executions: { hookName: string }[]): string[] {
  return [...new Set(executions.map(({ hookName }) => hookName))].slice(0, MAX_NAMES)
}

/** Loaded when first needed, not in a cold start. */
function hooks() {
  return import('../../../shared/catalog/hooks.ts')
}
