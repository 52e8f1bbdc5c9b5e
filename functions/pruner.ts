import { connect, connectionFromEnvironment } from '../shared/database/connection.ts'
import { measuring } from './clients/metrics.ts'
import { auditPruner } from './jobs/prune.ts'

const { CATALOG_AUDIT_RETENTION_DAYS = '365', AWS_LAMBDA_FUNCTION_NAME } = process.env

/** Lambda on an EventBridge schedule: removes audit entries that are older than the retention, and makes the partitions of the months ahead. */
export const handler = auditPruner({
  sql: connect(connectionFromEnvironment()),
  retentionDays: Number(CATALOG_AUDIT_RETENTION_DAYS),
  measure: measuring(AWS_LAMBDA_FUNCTION_NAME),
})
