import type { RestApi } from 'aws-cdk-lib/aws-apigateway'
import type { Data } from '../data-stack.ts'
import type { AllFunctions } from '../functions/functions.ts'
import type { Stage } from '../stages.ts'
import type { Monitored } from './alarms.ts'

/** The resources of a stage that alarms and the dashboard monitor. */
export function monitoredResources(
  stage: Stage,
  { data, functions, api }: { data: Data; functions: AllFunctions; api: RestApi },
): Monitored {
  const { queue, deadLetters, aws } = data
  const { schedules, refreshDays } = stage
  if (!aws || !stage.aws) return { functions, queue, deadLetters, api, schedules, refreshDays }
  const { instance, replica, proxy } = aws
  const { maxConnections, memoryGiB, storage } = stage.aws.database
  const database = { instance, replica, proxy, maxConnections, memoryGiB, storageGiB: storage[0] }
  return { functions, queue, deadLetters, api, database, schedules, refreshDays }
}
