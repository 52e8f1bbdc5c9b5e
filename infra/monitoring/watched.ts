import type { RestApi } from 'aws-cdk-lib/aws-apigateway'
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import type { Data } from '../data-stack.ts'
import type { FunctionName } from '../names.ts'
import type { Stage } from '../stages.ts'
import type { Watched } from './alarms.ts'

/** What of a stage alarms and the dashboard look at. */
export function watched(
  stage: Stage,
  { data, functions, api }: { data: Data; functions: Record<FunctionName, Lambda>; api: RestApi },
): Watched {
  const { queue, deadLetters, aws } = data
  const hours = { reconcileHours: stage.reconcile.hours, pruneHours: stage.prune.hours }
  if (!aws || !stage.aws) return { functions, queue, deadLetters, api, ...hours }
  const { instance, replica, proxy } = aws
  const { maxConnections, memoryGiB, storage } = stage.aws.database
  const database = { instance, replica, proxy, maxConnections, memoryGiB, storageGiB: storage[0] }
  return { functions, queue, deadLetters, api, database, ...hours }
}
