import { type App, Stack } from 'aws-cdk-lib'
import { Alarms } from './alarms.ts'
import { api } from './api.ts'
import { dashboard } from './dashboard.ts'
import type { Data } from './data-stack.ts'
import { firewall } from './firewall.ts'
import { functions } from './functions.ts'
import { migrations } from './migrations.ts'
import { prefixOf } from './names.ts'
import type { Options } from './options.ts'
import { outputs } from './outputs.ts'
import { schedules } from './schedules.ts'
import { watched } from './watched.ts'

/** The stack of what can be deployed again at any time. */
export function appStack(app: App, options: Options, data: Data): Stack {
  const { stage } = options
  const stack = new Stack(app, `${prefixOf(stage)}-app`, {
    description: `Storage Catalog (${stage.name}): functions, API, schedules`,
  })
  stack.addStackDependency(data.stack)
  const lambdas = functions(stack, options, data)
  const migrator = migrations(app, stack, options, data, Object.values(lambdas))
  const all = { ...lambdas, migrate: migrator }
  const rest = api(stack, stage, lambdas.api, data.people)
  if (stage.api.hasFirewall) firewall(stack, stage, rest)
  schedules(stack, stage, lambdas, data.bucketName)
  const seen = watched(stage, { data, functions: all, api: rest })
  const alarms = new Alarms(stack, 'Alarms', seen, options.alarmEmail)
  if (stage.aws) dashboard(stack, seen, alarms.all)
  outputs(stack, { data, functions: all, api: rest })
  return stack
}
