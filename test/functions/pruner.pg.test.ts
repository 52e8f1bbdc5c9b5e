import { expect, vi } from 'vitest'
import { auditPruner } from '../../functions/jobs/prune.ts'
import { getAuditLogs, logAudit } from '../../shared/catalog/audit.ts'
import { databaseTest as test } from '../support/postgres/database.ts'

const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000)

test('the pruner keeps the retention, of the audit trail and of tombstones, and reports what it removed', async ({ sql }) => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  await logAudit(
    sql,
    [400, 366, 364, 0].map(days => ({ action: 'UPLOAD', occurredAt: daysAgo(days) })),
  )
  await sql`
    insert into catalog.storage_tombstones (bucket, key, version_id, observed_at, created_at)
    values ('b', 'k', 'old', 'infinity', ${daysAgo(31)}), ('b', 'k', 'new', 'infinity', ${daysAgo(29)})
  `
  const report = await auditPruner({ sql, retentionDays: 365 })()
  expect(report).toEqual({ droppedPartitions: [], deletedRows: 2, deletedTombstones: 1 })
  expect((await getAuditLogs(sql, {})).items).toHaveLength(2)
  expect(JSON.parse(String(log.mock.calls[0]?.[0]))).toEqual({ level: 'info', message: 'pruned', ...report })
  log.mockRestore()
})

test('a retention that is no number of days is refused before anything is removed', ({ sql }) => {
  for (const retentionDays of [0, -1, 1.5, Number.NaN]) {
    expect(() => auditPruner({ sql, retentionDays })).toThrow('The retention must be a whole number of days, at least 1')
  }
})
