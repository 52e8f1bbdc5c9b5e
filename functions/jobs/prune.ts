import { type AuditCleanup, cleanupOldAudits } from '../../shared/catalog/audit-retention.ts'
import { cleanupTombstones } from '../../shared/catalog/tombstones.ts'
import type { Client } from '../../shared/database/connection.ts'
import { Invalid } from '../../shared/errors.ts'
import type { Measure } from '../runtime/metrics.ts'

/** What a run removed. */
export type PruneReport = AuditCleanup & { deletedTombstones: number }

/** What the pruner uses; `measure` and `log` are called for each run that finished. */
export type PrunerDependencies = { sql: Client; retentionDays: number; measure?: Measure; log?: (report: PruneReport) => void }

/** The pruner: enforces the retention of the audit trail and of tombstones. It ignores its event. Throws Invalid for a retention that is not a whole number of days. */
export function auditPruner({ sql, retentionDays, measure, log = logReport }: PrunerDependencies): () => Promise<PruneReport> {
  if (!Number.isInteger(retentionDays) || retentionDays < 1) {
    throw new Invalid('The retention must be a whole number of days, at least 1')
  }
  return async () => {
    const audits = await cleanupOldAudits(sql, { retentionDays })
    const report = { ...audits, deletedTombstones: await cleanupTombstones(sql) }
    log(report)
    measure?.({ RowsPruned: report.deletedRows + report.deletedTombstones, PrunesFinished: 1 })
    return report
  }
}

function logReport(report: PruneReport): void {
  console.log(JSON.stringify({ level: 'info', message: 'pruned', ...report }))
}
