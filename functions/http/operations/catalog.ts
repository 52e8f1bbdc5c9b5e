import { HttpError } from '../errors.ts'
import type { Operation } from '../operation.ts'

/** Milliseconds after which the database counts as unreachable: less than a load balancer waits. */
const DATABASE_TIMEOUT_MS = 3_000

/** GET /health. Throws HttpError 503. */
export const getHealth: Operation<'getHealth'> = async ({ sql }) => {
  const timeout = Promise.withResolvers<never>()
  const timer = setTimeout(() => timeout.reject(new Error(`no response within ${DATABASE_TIMEOUT_MS} ms`)), DATABASE_TIMEOUT_MS)
  try {
    await Promise.race([sql`select 1`, timeout.promise])
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
export const listBuckets: Operation<'listBuckets'> = async ({ sql }, { query }) => {
  const { getBuckets } = await statistics()
  return { body: await getBuckets(sql, query) }
}

/** Loaded when first needed, not in a cold start. */
function statistics() {
  return import('../../../shared/catalog/statistics.ts')
}
