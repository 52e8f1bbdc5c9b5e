import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { S3Client } from '@aws-sdk/client-s3'
import { SQSClient } from '@aws-sdk/client-sqs'
import { createApiFetch, resolveApiAuth } from '../../cli/connect/api-fetch.ts'
import { isLoopback, resolveTarget, type Target } from '../../cli/connect/target.ts'
import { readVariables } from '../../shared/environment.ts'
import { type Api, openApi } from './api.ts'

/** A running catalog, as its users reach it. Tests that need an undefined part are skipped. */
export type Installation = {
  target: Target
  s3: S3Client
  bucket: string
  api: Api
  /** Seconds that the catalog may take to follow the bucket. */
  timeoutSeconds: number
  queues?: { sqs: SQSClient; source: string; dead: string }
  /** Invokes the pruner and returns its result. */
  prune?: () => Promise<unknown>
  /** How often a rule invokes the pruner, where that is often enough to wait for. */
  pruneEverySeconds?: number
  [Symbol.asyncDispose](): Promise<void>
}

/** Opens the installation of the environment, by the variables of docs/configuration.md. */
export function openInstallation(env: NodeJS.ProcessEnv): Installation {
  const target = resolveTarget({}, env)
  const { apiUrl, s3Url, bucket, region, credentials, queueUrl, deadLetterQueueUrl } = target
  if (!bucket) throw new Error('No bucket given: set CATALOG_BUCKET')
  const s3 = new S3Client({ region, credentials, maxAttempts: 5, ...(s3Url ? { endpoint: s3Url, forcePathStyle: true } : {}) })
  // On one machine there is one endpoint for all of AWS; elsewhere each service has its own.
  const endpoint = env.AWS_ENDPOINT_URL || (s3Url && isLoopback(s3Url) ? s3Url : undefined)
  const config = { region, credentials, endpoint, maxAttempts: 5 }
  const sqs = new SQSClient(config)
  const lambda = new LambdaClient({ ...config, requestHandler: { requestTimeout: 0 } })
  const settings = readVariables(['CATALOG_PRUNE_FUNCTION', 'CATALOG_PRUNE_EVERY_SECONDS', 'CATALOG_WAIT_SECONDS'], env)
  const pruner = settings.CATALOG_PRUNE_FUNCTION
  return {
    target,
    s3,
    bucket,
    api: openApi(apiUrl, createApiFetch(target, env), resolveApiAuth(apiUrl, region, env).type !== 'none'),
    timeoutSeconds: settings.CATALOG_WAIT_SECONDS ?? (isLoopback(apiUrl) ? 60 : 180),
    queues: queueUrl && deadLetterQueueUrl ? { sqs, source: queueUrl, dead: deadLetterQueueUrl } : undefined,
    prune: pruner ? () => invoke(lambda, pruner, {}) : undefined,
    pruneEverySeconds: settings.CATALOG_PRUNE_EVERY_SECONDS,
    async [Symbol.asyncDispose]() {
      for (const client of [s3, sqs, lambda]) client.destroy()
    },
  }
}

async function invoke(lambda: LambdaClient, name: string, event: unknown): Promise<unknown> {
  const command = new InvokeCommand({ FunctionName: name, Payload: Buffer.from(JSON.stringify(event)) })
  const { Payload, FunctionError } = await lambda.send(command)
  const result = Buffer.from(Payload ?? []).toString('utf8')
  if (FunctionError) throw new Error(`${name} failed: ${result}`)
  return JSON.parse(result || 'null')
}
