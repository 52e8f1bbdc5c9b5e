import { AwsClient } from 'aws4fetch'
import { readSetVariables } from '../../shared/environment.ts'
import { CliError } from '../terminal/cli-error.ts'
import { isLoopback, type Target } from './target.ts'

/** How requests are authenticated: not at all, by an AWS signature (SigV4), or by the token of a Cognito user. */
export type ApiAuth = { type: 'none' } | { type: 'iam'; region: string } | { type: 'token'; token: string }

/** `fetch` with the authentication that the API requires. */
export type ApiFetch = (address: string, init?: RequestInit) => Promise<Response>

/**
 * The authentication for an API: the token in CATALOG_API_TOKEN if set, none on this machine, else a signature for the region in the host name
 * or for the default region. CATALOG_API_AUTH (`iam` or `none`) overrides it. Throws Invalid for another value, CliError for a
 * token that would be sent without TLS.
 */
export function resolveApiAuth(apiUrl: string, region: string, env: NodeJS.ProcessEnv = process.env): ApiAuth {
  const { CATALOG_API_AUTH: mode, CATALOG_API_TOKEN: token } = readSetVariables(['CATALOG_API_AUTH', 'CATALOG_API_TOKEN'], env)
  if (mode === 'none') return { type: 'none' }
  if (token && !mode) {
    if (isLoopback(apiUrl) || apiUrl.startsWith('https:')) return { type: 'token', token }
    throw new CliError(`CATALOG_API_TOKEN is a secret, and ${apiUrl} is not encrypted: use an https:// URL`)
  }
  if (!mode && isLoopback(apiUrl)) return { type: 'none' }
  return { type: 'iam', region: EXECUTE_API.exec(new URL(apiUrl).hostname)?.[1] ?? region }
}

/** Creates the `fetch` for an API. Credentials are those of the target, else those the AWS SDK finds, resolved when first needed. */
export function createApiFetch(target: Pick<Target, 'apiUrl' | 'region' | 'credentials'>, env?: NodeJS.ProcessEnv): ApiFetch {
  const auth = resolveApiAuth(target.apiUrl, target.region, env)
  if (auth.type === 'none') return fetch
  if (auth.type === 'token') return (address, init) => fetch(address, withHeader(init, 'authorization', auth.token))
  let client: ReturnType<typeof credentialClient> | undefined
  return async (address, init) => {
    client ??= credentialClient(auth.region, target.credentials)
    const { accessKeyId, secretAccessKey, sessionToken } = await (await client).config.credentials()
    const signer = new AwsClient({ accessKeyId, secretAccessKey, sessionToken, region: auth.region, service: 'execute-api' })
    return fetch(await signer.sign(address, init))
  }
}

/** For the SDK's credential chain, which renews what expires; no request goes to S3. Loaded when first needed: it is most of a start. */
async function credentialClient(region: string, credentials: Target['credentials']) {
  const { S3Client } = await import('@aws-sdk/client-s3')
  return new S3Client({ region, credentials })
}

const EXECUTE_API = /\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/

function withHeader(init: RequestInit | undefined, name: string, value: string): RequestInit {
  const headers = new Headers(init?.headers)
  headers.set(name, value)
  return { ...init, headers }
}
