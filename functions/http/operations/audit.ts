import * as shared from '../../../shared/catalog/audit.ts'
import { bucketOf, type Operation } from '../operation.ts'

/** GET /audit. A key is one of a bucket; all else is asked of all buckets. */
export const getAuditLogs: Operation<'getAuditLogs'> = async (parts, { query }) => {
  const bucket = query.key === undefined ? query.bucket : bucketOf(parts, query)
  return { body: await shared.getAuditLogs(parts.sql, { ...query, bucket }) }
}

/** POST /audit. */
export const logAudit: Operation<'logAudit'> = async (parts, { body, caller }) => {
  const entries = body.map(entry => ({
    ...caller,
    ...entry,
    bucket: entry.key === undefined ? entry.bucket : bucketOf(parts, entry),
  }))
  await shared.logAudit(parts.sql, entries)
  return { body: { logged: entries.length } }
}
