import type { AuditClaim } from '../../../shared/catalog/audit.ts'
import * as shared from '../../../shared/catalog/audit.ts'
import { bucketOf, type Operation } from '../operation.ts'

/** GET /audit. A key belongs to the default bucket; without a key and a bucket all buckets are read. */
export const getAuditLogs: Operation<'getAuditLogs'> = async (dependencies, { query }) => {
  const bucket = query.key === undefined ? query.bucket : bucketOf(dependencies, query)
  return { body: await shared.getAuditLogs(dependencies.sql, { ...query, bucket }) }
}

/** POST /audit. What an entry says about who did it is kept as a claim, beside the caller. */
export const logAudit: Operation<'logAudit'> = async (dependencies, { body, caller }) => {
  const entries = body.map(({ userId, userName, ipAddress, userAgent, ...entry }) => ({
    ...entry,
    ...caller,
    bucket: entry.key === undefined ? entry.bucket : bucketOf(dependencies, entry),
    source: 'posted' as const,
    claimed: claimOf({ userId, userName, ipAddress, userAgent }),
  }))
  await shared.logAudit(dependencies.sql, entries)
  return { body: { logged: entries.length } }
}

/** What was said; undefined where nothing was. */
function claimOf(said: AuditClaim): AuditClaim | undefined {
  return Object.values(said).some(text => text !== undefined) ? said : undefined
}
