import { bucketOf, type Operation } from '../operation.ts'
import { auditedWrite } from '../writes/audited-write.ts'

/** POST /reconciles. */
export const startReconcile: Operation<'startReconcile'> = async (dependencies, { body, caller }) => {
  const { openRun } = await runs()
  const { kind, prefix, dryRun: isDryRun, fresh, bucket: _, ...options } = body
  const scope = { kind, bucket: bucketOf(dependencies, body), prefix, isDryRun, options }
  const run = await auditedWrite(dependencies.sql, caller, async (sql, trail) => {
    const opened = await openRun(sql, scope, fresh)
    const { id, bucket, isDryRun } = opened
    trail.add({ action: 'RECONCILE', bucket, metadata: { run: id, kind, prefix, dryRun: isDryRun, fresh, options } })
    return opened
  })
  if (run.state !== 'running') await dependencies.startRun(run.id)
  return { body: run }
}

/** GET /reconciles. */
export const listReconciles: Operation<'listReconciles'> = async ({ sql }, { query }) => {
  const { listRuns } = await runs()
  return { body: await listRuns(sql, query) }
}

/** GET /reconcile. */
export const getReconcile: Operation<'getReconcile'> = async ({ sql }, { query }) => {
  const { getRun } = await runs()
  return { body: await getRun(sql, query.id) }
}

/** GET /differences. */
export const listDifferences: Operation<'listDifferences'> = async ({ sql }, { query: { run, ...page } }) => {
  const { getRun } = await runs()
  const differences = await import('../../../shared/catalog/differences.ts')
  await getRun(sql, run)
  return { body: await differences.listDifferences(sql, run, page) }
}

/** DELETE /reconcile. */
export const stopReconcile: Operation<'stopReconcile'> = async (dependencies, { query, caller }) => {
  const { requestStop } = await runs()
  const run = await auditedWrite(dependencies.sql, caller, async (sql, trail) => {
    const asked = await requestStop(sql, query.id)
    trail.add({ action: 'RECONCILE_STOP', bucket: asked.bucket, metadata: { run: asked.id, kind: asked.kind } })
    return asked
  })
  return { body: run }
}

/** Loaded when first needed, not in a cold start. */
function runs() {
  return import('../../../shared/catalog/reconcile-runs.ts')
}
