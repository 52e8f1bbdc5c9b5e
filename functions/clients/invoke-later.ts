import type { LambdaClientConfig } from '@aws-sdk/client-lambda'

/**
 * Starts a Lambda asynchronously with an event; undefined where there is none to start. Lambda ends chains of a function that starts
 * itself after about 16 links, unless the function's recursive loop detection is set to allow them.
 */
export function invokingLater(
  functionName: string | undefined,
  config: LambdaClientConfig = {},
): ((event: unknown) => Promise<unknown>) | undefined {
  if (!functionName) return undefined
  return async event => {
    // Loaded when first needed: most runs end within one invocation.
    const { InvokeCommand, LambdaClient } = await import('@aws-sdk/client-lambda')
    const lambda = new LambdaClient(config)
    return lambda.send(
      new InvokeCommand({ FunctionName: functionName, InvocationType: 'Event', Payload: Buffer.from(JSON.stringify(event)) }),
    )
  }
}
