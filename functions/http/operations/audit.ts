import * as shared from '../../../shared/catalog/audit.ts'
import { bucketOf, type Operation } from '../operation.ts'

/** GET /audit. A key belongs to the default bucket; without a key and a bucket all buckets are read. */
export const getAuditLogs: Operation<'getAuditLogs'> = async (dependencies, { query }) => {
  const bucket = query.key === undefined ? query.bucket : bucketOf(dependencies, query)
  return { body: await shared.getAuditLogs(dependencies.sql, { ...query, bucket }) }
}

/** POST /audit. */
export const logAudit: Operation<'logAudit'> = async (dependencies, { body, caller }) => {
  const entries = body.map(entry => ({
    ...caller,
    ...entry,
    bucket: entry.key === undefined ? entry.bucket : bucketOf(dependencies, entry),
  }))
  await shared.logAudit(dependencies.sql, entries)
  return { body: { logged: entries.length } }
}
