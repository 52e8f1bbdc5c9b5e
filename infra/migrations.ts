import { Duration } from 'aws-cdk-lib'
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import { Trigger } from 'aws-cdk-lib/triggers'
import type { Construct } from 'constructs'
import type { Data } from './data-stack.ts'
import { lambda } from './functions.ts'
import type { Options } from './options.ts'

/**
 * The migrator, which a deployment invokes before it switches `before` over, whenever the migrator or a migration changed; its failure
 * is the deployment's. LocalStack runs no custom resources: who deploys there invokes the function.
 */
export function migrations(scope: Construct, options: Options, data: Data, before: Construct[]): Lambda {
  const migrator = lambda(scope, options, data, 'migrate', { DATABASE_POOL: '2' })
  if (data.aws) new Trigger(scope, 'Migrations', { handler: migrator, timeout: Duration.minutes(15), executeBefore: before })
  return migrator
}
