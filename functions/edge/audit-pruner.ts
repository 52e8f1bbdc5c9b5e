import { type AuditCleanup, cleanupOldAudits } from '../../shared/audit-retention.ts'
import type { Client } from '../../shared/connection.ts'
import { Invalid } from '../../shared/errors.ts'
import { cleanupTombstones } from '../../shared/tombstones.ts'

/** What a run removed. */
export type PruneReport = AuditCleanup & { deletedTombstones: number }

/** The pruner: keeps the retention of the audit trail and of tombstones; its event, an EventBridge schedule's, says nothing it needs. Throws Invalid for a retention that is no number of days. */
export function auditPruner({ sql, retentionDays }: { sql: Client; retentionDays: number }): () => Promise<PruneReport> {
  if (!Number.isInteger(retentionDays) || retentionDays < 1) {
    throw new Invalid('CATALOG_AUDIT_RETENTION_DAYS must be a whole number of days, at least 1')
  }
  return async () => {
    const audits = await cleanupOldAudits(sql, { retentionDays })
    const report = { ...audits, deletedTombstones: await cleanupTombstones(sql) }
    console.log(JSON.stringify({ level: 'info', message: 'pruned', ...report }))
    return report
  }
}
