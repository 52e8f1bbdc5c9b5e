import { CfnOutput, type Stack } from 'aws-cdk-lib'
import type { RestApi } from 'aws-cdk-lib/aws-apigateway'
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import type { Data } from './data-stack.ts'
import type { FunctionName } from './names.ts'
import type { People } from './user-pool.ts'

/** What a user needs to know of a deployment. */
export function outputs(
  stack: Stack,
  { data, functions, api, people }: { data: Data; functions: Record<FunctionName, Lambda>; api: RestApi; people?: People },
): void {
  const values: Record<string, string | undefined> = {
    ApiUrl: api.url,
    ApiId: api.restApiId,
    Bucket: data.bucketName,
    QueueUrl: data.queue.queueUrl,
    DeadLetterQueueUrl: data.deadLetters.queueUrl,
    Indexer: functions['index-events'].functionName,
    Api: functions.api.functionName,
    Pruner: functions['prune-audit'].functionName,
    Reconciler: functions.reconcile.functionName,
    Migrator: functions.migrate.functionName,
    Database: data.aws?.database.dbInstanceEndpointAddress,
    DatabaseProxy: data.aws?.proxy.endpoint,
    UserPoolId: people?.pool.userPoolId,
    UserPoolClientId: people?.client.userPoolClientId,
  }
  for (const [key, value] of Object.entries(values)) if (value) new CfnOutput(stack, `${key}Output`, { key, value })
}
