import { type App, Stack } from 'aws-cdk-lib'
import { api } from './api.ts'
import type { Data } from './data-stack.ts'
import { firewall } from './firewall.ts'
import { functions } from './functions.ts'
import { migrations } from './migrations.ts'
import { prefixOf } from './names.ts'
import type { Options } from './options.ts'
import { outputs } from './outputs.ts'
import { schedules } from './schedules.ts'
import { userPool } from './user-pool.ts'

/** The stack of what can be deployed again at any time. */
export function appStack(app: App, options: Options, data: Data): Stack {
  const { stage } = options
  const stack = new Stack(app, `${prefixOf(stage)}-app`, {
    description: `Storage Catalog (${stage.name}): functions, API, schedules`,
  })
  stack.addStackDependency(data.stack)
  const lambdas = functions(stack, options, data)
  const migrator = migrations(stack, options, data, Object.values(lambdas))
  const people = options.auth === 'cognito' ? userPool(stack, stage) : undefined
  const rest = api(stack, stage, lambdas.api, people)
  if (stage.api.hasFirewall) firewall(stack, stage, rest)
  schedules(stack, stage, lambdas, data.bucketName)
  outputs(stack, { data, functions: { ...lambdas, migrate: migrator }, api: rest, people })
  return stack
}
