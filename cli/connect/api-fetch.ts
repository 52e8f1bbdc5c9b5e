import { S3Client } from '@aws-sdk/client-s3'
import { AwsClient } from 'aws4fetch'
import { CliError } from '../terminal/cli-error.ts'
import { isLoopback, type Target } from './target.ts'

/** How an API learns who asks: not at all, by a signature (SigV4) of AWS credentials, or by a token that a person signed in for. */
export type ApiAuth = { type: 'none' } | { type: 'iam'; region: string } | { type: 'token'; token: string }

/** fetch of an address below the API, authorised as that API wants it. */
export type ApiFetch = (address: string, init?: RequestInit) => Promise<Response>

/**
 * What an API wants to see: a token when CATALOG_API_TOKEN holds one, nothing on this machine, elsewhere a signature for the region of its host
 * name or else the region given. CATALOG_API_AUTH (`iam` or `none`) decides otherwise. Throws CliError for another value, and for a token
 * that would travel in the clear.
 */
export function resolveApiAuth(apiUrl: string, region: string, env: NodeJS.ProcessEnv = process.env): ApiAuth {
  const { CATALOG_API_AUTH: mode, CATALOG_API_TOKEN: token } = env
  if (mode && mode !== 'iam' && mode !== 'none') throw new CliError(`CATALOG_API_AUTH must be iam or none, not ${mode}`)
  if (mode === 'none') return { type: 'none' }
  if (token && !mode) {
    if (isLoopback(apiUrl) || apiUrl.startsWith('https:')) return { type: 'token', token }
    throw new CliError(`CATALOG_API_TOKEN is a secret, and ${apiUrl} is not encrypted: say --api https://...`)
  }
  if (!mode && isLoopback(apiUrl)) return { type: 'none' }
  return { type: 'iam', region: EXECUTE_API.exec(new URL(apiUrl).hostname)?.[1] ?? region }
}

/** Opens the way to the API of a place. Credentials are those of the place, else what the AWS SDK finds, looked up when first needed. */
export function createApiFetch(target: Pick<Target, 'apiUrl' | 'region' | 'credentials'>, env?: NodeJS.ProcessEnv): ApiFetch {
  const auth = resolveApiAuth(target.apiUrl, target.region, env)
  if (auth.type === 'none') return fetch
  if (auth.type === 'token') return (address, init) => fetch(address, withHeader(init, 'authorization', auth.token))
  // The chain of the SDK, which renews what expires; S3 is not asked.
  const { config } = new S3Client({ region: auth.region, credentials: target.credentials })
  return async (address, init) => {
    const { accessKeyId, secretAccessKey, sessionToken } = await config.credentials()
    const signer = new AwsClient({ accessKeyId, secretAccessKey, sessionToken, region: auth.region, service: 'execute-api' })
    return fetch(await signer.sign(address, init))
  }
}

const EXECUTE_API = /\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/

function withHeader(init: RequestInit | undefined, name: string, value: string): RequestInit {
  const headers = new Headers(init?.headers)
  headers.set(name, value)
  return { ...init, headers }
}
