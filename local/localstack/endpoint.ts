import { setTimeout as sleep } from 'node:timers/promises'
import { InvokeCommand, LambdaClient, waitUntilFunctionActiveV2 } from '@aws-sdk/client-lambda'

/** Where LocalStack answers: `AWS_ENDPOINT_URL`, else where docker-compose.localstack.yml puts it. */
export function localstackUrl(env: NodeJS.ProcessEnv = process.env): string {
  return (env.AWS_ENDPOINT_URL || 'http://127.0.0.1:4566').replace(/\/+$/, '')
}

/** What AWS clients, ours and the CDK's, have to be told so that they ask LocalStack and nobody else. */
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

/** What an AWS client's constructor takes. */
export function clientConfig(url: string) {
  return { endpoint: url, region: REGION, credentials: CREDENTIALS, maxAttempts: 5 }
}

/** LocalStack takes any credentials. */
export const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' }

/** The account and region that everything is deployed to. */
export const ENVIRONMENT = 'aws://000000000000/us-east-1'

/** The migrator: infra/names.ts names it. */
export const MIGRATOR = 'storage-catalog-localstack-migrator'

const REGION = 'us-east-1'

/** Whether LocalStack answers within some seconds; it is asked again and again. */
export async function answers(url: string, seconds: number): Promise<boolean> {
  const end = performance.now() + seconds * 1000
  for (;;) {
    const response = await fetch(`${url}/_localstack/health`, { signal: AbortSignal.timeout(5000) }).catch(() => undefined)
    if (response?.ok) return true
    if (performance.now() > end) return false
    await sleep(500)
  }
}

/** Throws, with what can be done, unless LocalStack answers. */
export async function reachLocalstack(url: string): Promise<void> {
  if (await answers(url, 3)) return
  throw new Error(
    `no LocalStack answers at ${url}. With Docker: npm run localstack:up. Without: start a LocalStack 4.14.0, and say where it answers with AWS_ENDPOINT_URL`,
  )
}

/** Invokes a function, waits for its answer and returns it. Throws what the function threw. */
export async function invoke(url: string, name: string, event: unknown): Promise<unknown> {
  const client = new LambdaClient({ ...clientConfig(url), requestHandler: { requestTimeout: 0 } })
  try {
    await waitUntilFunctionActiveV2({ client, maxWaitTime: 120 }, { FunctionName: name })
    const command = new InvokeCommand({ FunctionName: name, Payload: Buffer.from(JSON.stringify(event)) })
    const { Payload, FunctionError } = await client.send(command)
    const answer: unknown = JSON.parse(Buffer.from(Payload ?? []).toString('utf8') || 'null')
    if (FunctionError) throw new Error(`${name} failed: ${reasonOf(answer)}`)
    return answer
  } finally {
    client.destroy()
  }
}

function reasonOf(answer: unknown): string {
  if (typeof answer === 'object' && answer !== null && 'errorMessage' in answer) return String(answer.errorMessage)
  return JSON.stringify(answer)
}
