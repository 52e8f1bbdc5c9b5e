import type { LambdaClientConfig } from '@aws-sdk/client-lambda'

/**
 * Invokes a function asynchronously (InvocationType Event). Lambda stops chains of a function that starts itself after about 16
 * invocations, unless the function's recursive loop detection is set to allow them.
 */
export async function invokeAsync(functionName: string, event: unknown, config: LambdaClientConfig = {}): Promise<void> {
  // Loaded when first needed: most runs end within one invocation.
  const { sendEvent } = await import('./lambda-client.ts')
  await sendEvent(config, functionName, event)
}
