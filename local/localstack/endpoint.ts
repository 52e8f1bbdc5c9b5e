import { setTimeout as sleep } from 'node:timers/promises'
import { InvokeCommand, LambdaClient, waitUntilFunctionActiveV2 } from '@aws-sdk/client-lambda'

/** Address of LocalStack: `AWS_ENDPOINT_URL`, or the one of docker-compose.localstack.yml. */
export function localstackUrl(env: NodeJS.ProcessEnv = process.env): string {
  return (env.AWS_ENDPOINT_URL || 'http://127.0.0.1:4566').replace(/\/+$/, '')
}

/** Environment with which AWS clients, ours and the CDK's, send their requests to LocalStack. */
export function localstackEnvironment(url: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: url,
    AWS_ENDPOINT_URL_S3: url,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    CDK_DISABLE_CLI_TELEMETRY: 'true',
  }
}

/** Configuration of an AWS client for LocalStack. */
export function clientConfig(url: string) {
  return { endpoint: url, region: REGION, credentials: CREDENTIALS, maxAttempts: 5 }
}

/** LocalStack accepts any credentials. */
export const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' }

/** The account and region of the deployment. */
export const ENVIRONMENT = 'aws://000000000000/us-east-1'

/** Name of the migrator; `infra/names.ts` has the pattern. */
export const MIGRATOR = 'storage-catalog-localstack-migrator'

const REGION = 'us-east-1'

/** Whether LocalStack responds within some seconds; requests are repeated until then. */
export async function isReachable(url: string, seconds: number): Promise<boolean> {
  const end = performance.now() + seconds * 1000
  for (;;) {
    const response = await fetch(`${url}/_localstack/health`, { signal: AbortSignal.timeout(5000) }).catch(() => undefined)
    if (response?.ok) return true
    if (performance.now() > end) return false
    await sleep(500)
  }
}

/** Throws an error that says what to do unless LocalStack responds. */
export async function reachLocalstack(url: string): Promise<void> {
  if (await isReachable(url, 3)) return
  throw new Error(
    `no LocalStack at ${url}. With Docker: npm run localstack:up. Without: start a LocalStack 4.14.0 and set AWS_ENDPOINT_URL to its address`,
  )
}

/** Invokes a function and returns its result. Throws what the function threw. */
export async function invoke(url: string, name: string, event: unknown): Promise<unknown> {
  const client = new LambdaClient({ ...clientConfig(url), requestHandler: { requestTimeout: 0 } })
  try {
    await waitUntilFunctionActiveV2({ client, maxWaitTime: 120 }, { FunctionName: name })
    const command = new InvokeCommand({ FunctionName: name, Payload: Buffer.from(JSON.stringify(event)) })
    const { Payload, FunctionError } = await client.send(command)
    const result: unknown = JSON.parse(Buffer.from(Payload ?? []).toString('utf8') || 'null')
    if (FunctionError) throw new Error(`${name} failed: ${reasonOf(result)}`)
    return result
  } finally {
    client.destroy()
  }
}

function reasonOf(result: unknown): string {
  if (typeof result === 'object' && result !== null && 'errorMessage' in result) return String(result.errorMessage)
  return JSON.stringify(result)
}
