import { Token } from 'aws-cdk-lib'
import { readVariables, type VariableName } from '../../shared/environment.ts'
import { type FunctionName, type FunctionVariable, functionRow } from '../../shared/functions.ts'
import { refreshPeriod } from '../../shared/refresh-period.ts'
import type { Data } from '../data-stack.ts'
import { functionName } from '../names.ts'
import type { Options } from '../options.ts'
import type { Stage } from '../stages.ts'
import { databaseEnvironment } from './database-access.ts'

/** How each variable that functions require gets its value; undefined leaves it at its default. */
const VALUES: Record<FunctionVariable, (options: Options, data: Data) => string | undefined> = {
  CATALOG_AUDIT_RETENTION_DAYS: ({ stage }) => String(stage.auditDays),
  CATALOG_BUCKET: (_, { bucketName }) => bucketName,
  CATALOG_DEAD_LETTER_QUEUE_URL: (_, { deadLetters }) => deadLetters.queueUrl,
  CATALOG_RECONCILE_HOURS: ({ stage }) => String(stage.schedules.reconciler.hours),
  CATALOG_REFRESH_DAYS: ({ stage }) => String(refreshDays(stage)),
  CATALOG_RECONCILER_FUNCTION: ({ stage }) => functionName(stage, 'reconciler'),
  CATALOG_S3_PATH_STYLE: ({ stage }) => (stage.aws ? undefined : 'true'),
}

/** The days of a stage. Throws Invalid when its reconciles are too rare for them. */
function refreshDays({ refreshDays, schedules }: Stage): number {
  refreshPeriod({ days: refreshDays, hoursBetweenRuns: schedules.reconciler.hours })
  return refreshDays
}

/** The environment of a function: its database, and the variables of its row. Throws Invalid for a value that the function would refuse at start. */
export function functionEnvironment(name: FunctionName, options: Options, data: Data): Record<string, string> {
  const required = functionRow(name).environment as readonly FunctionVariable[]
  const values: Partial<Record<VariableName, string | undefined>> = {
    ...databaseEnvironment(name, options, data),
    ...Object.fromEntries(required.map(variable => [variable, VALUES[variable](options, data)])),
  }
  const set = Object.fromEntries(Object.entries(values).filter((pair): pair is [string, string] => pair[1] !== undefined))
  // What only CloudFormation knows is checked when the function starts.
  const known = Object.entries(set).filter(([, value]) => !Token.isUnresolved(value))
  readVariables(
    known.map(([variable]) => variable as VariableName),
    set,
  )
  return set
}
