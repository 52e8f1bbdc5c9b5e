import { CfnOutput, type Stack } from 'aws-cdk-lib'
import type { RestApi } from 'aws-cdk-lib/aws-apigateway'
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import type { Data } from './data-stack.ts'
import type { FunctionName } from './names.ts'

/** What a user needs to know of a deployment. */
export function outputs(
  stack: Stack,
  { data, functions, api }: { data: Data; functions: Record<FunctionName, Lambda>; api: RestApi },
): void {
  const values: Record<string, string | undefined> = {
    ApiUrl: api.url,
    ApiId: api.restApiId,
    Bucket: data.bucketName,
    QueueUrl: data.queue.queueUrl,
    DeadLetterQueueUrl: data.deadLetters.queueUrl,
    Indexer: functions.indexer.functionName,
    Api: functions.api.functionName,
    Pruner: functions.pruner.functionName,
    Reconciler: functions.reconciler.functionName,
    Migrator: functions.migrator.functionName,
    Database: data.aws?.instance.dbInstanceEndpointAddress,
    DatabaseReplica: data.aws?.replica?.dbInstanceEndpointAddress,
    DatabaseProxy: data.aws?.proxy.endpoint,
    UserPoolId: data.people?.pool.userPoolId,
    UserPoolClientId: data.people?.client.userPoolClientId,
  }
  for (const [key, value] of Object.entries(values)) if (value) new CfnOutput(stack, `${key}Output`, { key, value })
}
