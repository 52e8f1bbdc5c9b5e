import { type App, Stack } from 'aws-cdk-lib'
import { api } from './api/api.ts'
import { firewall } from './api/firewall.ts'
import type { Data } from './data-stack.ts'
import { functions } from './functions/functions.ts'
import { migrations } from './functions/migrations.ts'
import { schedules } from './functions/schedules.ts'
import { Alarms } from './monitoring/alarms.ts'
import { dashboard } from './monitoring/dashboard.ts'
import { monitoredResources } from './monitoring/monitored.ts'
import { prefixOf } from './names.ts'
import type { Options } from './options.ts'
import { outputs } from './outputs.ts'

/** The stack of everything that can be redeployed at any time. */
export function appStack(app: App, options: Options, data: Data): Stack {
  const { stage } = options
  const stack = new Stack(app, `${prefixOf(stage)}-app`, {
    description: `Storage Catalog (${stage.name}): functions, API, schedules`,
  })
  stack.addStackDependency(data.stack)
  const lambdas = functions(stack, options, data)
  const migrator = migrations(app, stack, options, data, Object.values(lambdas))
  const all = { ...lambdas, migrator }
  const rest = api(stack, stage, lambdas.api, data.people)
  if (stage.api.hasFirewall) firewall(stack, stage, rest)
  schedules(stack, stage, lambdas, data.bucketName)
  const monitored = monitoredResources(stage, { data, functions: all, api: rest })
  const alarms = new Alarms(stack, 'Alarms', monitored, options.alarmEmail)
  if (stage.aws) dashboard(stack, monitored, alarms.all)
  outputs(stack, { data, functions: all, api: rest })
  return stack
}
