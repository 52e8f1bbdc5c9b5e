import { type App, Duration, Stack } from 'aws-cdk-lib'
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import { Trigger } from 'aws-cdk-lib/triggers'
import type { Construct } from 'constructs'
import type { Data } from '../data-stack.ts'
import { prefixOf } from '../names.ts'
import type { Options } from '../options.ts'
import { lambda } from './lambda.ts'

/**
 * The migrator. A deployment invokes it before it updates `before`, whenever the migrator or a migration changed, and fails if it fails.
 * LocalStack runs no custom resources: there the migrator is a stack of its own, which is deployed first, and the function invoked.
 */
export function migrations(app: App, stack: Stack, options: Options, data: Data, before: Construct[]): Lambda {
  if (!data.aws) return lambda(migrationsStack(app, stack, options, data), options, data, 'migrator')
  const handler = lambda(stack, options, data, 'migrator')
  new Trigger(stack, 'Migrations', { handler, timeout: Duration.minutes(15), executeBefore: before })
  return handler
}

function migrationsStack(app: App, next: Stack, { stage }: Options, data: Data): Stack {
  const stack = new Stack(app, `${prefixOf(stage)}-migrations`, { description: `Storage Catalog (${stage.name}): migrations` })
  stack.addStackDependency(data.stack)
  next.addStackDependency(stack)
  return stack
}
