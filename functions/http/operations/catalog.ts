import { HttpError } from '../errors.ts'
import type { Operation } from '../operation.ts'

/** How long the database may take before it counts as out of reach, in milliseconds: less than a load balancer waits. */
const PATIENCE_MS = 3_000

/** GET /health. Throws HttpError 503. */
export const getHealth: Operation<'getHealth'> = async ({ sql }) => {
  const patience = Promise.withResolvers<never>()
  const timer = setTimeout(() => patience.reject(new Error(`no answer in ${PATIENCE_MS} ms`)), PATIENCE_MS)
  try {
    await Promise.race([sql`select 1`, patience.promise])
    return { body: { status: 'ok' } }
  } catch (cause) {
    throw new HttpError(503, 'Unavailable', 'The database cannot be reached', { cause })
  } finally {
    clearTimeout(timer)
  }
}

/** GET /openapi.json. */
export const getDescription: Operation<'getDescription'> = async () => {
  const { openApiDocument: describeApi } = await import('../openapi.ts')
  return { body: describeApi() }
}

/** GET /statistics. */
export const getStatistics: Operation<'getStatistics'> = async ({ sql }, { query }) => {
  const { getStatistics: statisticsOf } = await statistics()
  return { body: await statisticsOf(sql, query) }
}

/** GET /buckets. */
export const listBuckets: Operation<'listBuckets'> = async ({ sql }) => {
  const { getBuckets } = await statistics()
  return { body: { items: await getBuckets(sql), nextCursor: null } }
}

/** Loaded when first needed: it is no part of a cold start. */
function statistics() {
  return import('../../../shared/catalog/statistics.ts')
}
