import { CfnOutput, type Stack } from 'aws-cdk-lib'
import type { RestApi } from 'aws-cdk-lib/aws-apigateway'
import { functionNames } from '../shared/functions.ts'
import type { Data } from './data-stack.ts'
import type { AllFunctions } from './functions/functions.ts'
import { constructId } from './names.ts'

/** The addresses and names that users of a deployment need. */
export function outputs(stack: Stack, { data, functions, api }: { data: Data; functions: AllFunctions; api: RestApi }): void {
  const values: Record<string, string | undefined> = {
    ApiUrl: api.url,
    ApiId: api.restApiId,
    Bucket: data.bucketName,
    QueueUrl: data.queue.queueUrl,
    DeadLetterQueueUrl: data.deadLetters.queueUrl,
    ...Object.fromEntries(functionNames().map(name => [constructId(name), functions[name].functionName])),
    Database: data.aws?.instance.dbInstanceEndpointAddress,
    DatabaseReplica: data.aws?.replica?.dbInstanceEndpointAddress,
    DatabaseProxy: data.aws?.proxy.endpoint,
    UserPoolId: data.people?.pool.userPoolId,
    UserPoolClientId: data.people?.client.userPoolClientId,
  }
  for (const [key, value] of Object.entries(values)) if (value) new CfnOutput(stack, `${key}Output`, { key, value })
}
