import { InvokeCommand, LambdaClient, type LambdaClientConfig } from '@aws-sdk/client-lambda'

/** Sends an asynchronous invocation. A file of its own, because a bundle contains the whole SDK package where a package is imported lazily. */
export async function sendEvent(config: LambdaClientConfig, functionName: string, event: unknown): Promise<void> {
  const lambda = new LambdaClient(config)
  const payload = Buffer.from(JSON.stringify(event))
  await lambda.send(new InvokeCommand({ FunctionName: functionName, InvocationType: 'Event', Payload: payload }))
  lambda.destroy()
}
