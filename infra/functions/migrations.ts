import { type App, Duration, Stack } from 'aws-cdk-lib'
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import { Trigger } from 'aws-cdk-lib/triggers'
import type { Construct } from 'constructs'
import type { Data } from '../data-stack.ts'
import { prefixOf } from '../names.ts'
import type { Options } from '../options.ts'
import { lambda } from './functions.ts'

/**
 * The migrator, which a deployment invokes before it switches `before` over, whenever the migrator or a migration changed; its failure
 * is the deployment's. LocalStack runs no custom resources: there it is a stack of its own, which is deployed first, and the function invoked.
 */
export function migrations(app: App, stack: Stack, options: Options, data: Data, before: Construct[]): Lambda {
  if (!data.aws) return migrator(migrationsStack(app, stack, options, data), options, data)
  const handler = migrator(stack, options, data)
  new Trigger(stack, 'Migrations', { handler, timeout: Duration.minutes(15), executeBefore: before })
  return handler
}

function migrator(scope: Construct, options: Options, data: Data): Lambda {
  return lambda(scope, options, data, 'migrator', { DATABASE_POOL: '2' })
}

function migrationsStack(app: App, next: Stack, { stage }: Options, data: Data): Stack {
  const stack = new Stack(app, `${prefixOf(stage)}-migrations`, { description: `Storage Catalog (${stage.name}): migrations` })
  stack.addStackDependency(data.stack)
  next.addStackDependency(stack)
  return stack
}
