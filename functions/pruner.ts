import { connect, connectionFromEnvironment } from '../shared/database/connection.ts'
import { auditPruner } from './jobs/prune.ts'
import { functionEnvironment } from './runtime/environment.ts'
import { metricsLog } from './runtime/metrics.ts'

const { AWS_LAMBDA_FUNCTION_NAME, CATALOG_AUDIT_RETENTION_DAYS } = functionEnvironment<'pruner'>(['CATALOG_AUDIT_RETENTION_DAYS'])

/** Lambda on an EventBridge schedule: removes audit entries older than the retention and makes the partitions of the coming months. */
export const handler = auditPruner({
  sql: connect(connectionFromEnvironment()),
  retentionDays: CATALOG_AUDIT_RETENTION_DAYS,
  measure: metricsLog(AWS_LAMBDA_FUNCTION_NAME),
})
