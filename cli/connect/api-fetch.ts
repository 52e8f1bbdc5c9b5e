import { S3Client } from '@aws-sdk/client-s3'
import { AwsClient } from 'aws4fetch'
import { Failure } from '../terminal/failure.ts'
import { isLoopback, type Place } from './where.ts'

/** How an API learns who asks: not at all, by a signature (SigV4) of AWS credentials, or by a token that a person signed in for. */
export type ApiAuth = { by: 'nothing' } | { by: 'iam'; region: string } | { by: 'token'; token: string }

/** fetch of an address below the API, authorised as that API wants it. */
export type ApiFetch = (address: string, init?: RequestInit) => Promise<Response>

/**
 * What an API wants to see: a token when CATALOG_API_TOKEN holds one, nothing on this machine, elsewhere a signature for the region of its host
 * name or else the region given. CATALOG_API_AUTH (`iam` or `none`) decides otherwise. Throws Failure for another value, and for a token
 * that would travel in the clear.
 */
export function apiAuth(apiUrl: string, region: string, env: NodeJS.ProcessEnv = process.env): ApiAuth {
  const { CATALOG_API_AUTH: told, CATALOG_API_TOKEN: token } = env
  if (told && told !== 'iam' && told !== 'none') throw new Failure(`CATALOG_API_AUTH must be iam or none, not ${told}`)
  if (told === 'none') return { by: 'nothing' }
  if (token && !told) {
    if (isLoopback(apiUrl) || apiUrl.startsWith('https:')) return { by: 'token', token }
    throw new Failure(`CATALOG_API_TOKEN is a secret, and ${apiUrl} is not encrypted: say --api https://...`)
  }
  if (!told && isLoopback(apiUrl)) return { by: 'nothing' }
  return { by: 'iam', region: EXECUTE_API.exec(new URL(apiUrl).hostname)?.[1] ?? region }
}

/** Opens the way to the API of a place. Credentials are those of the place, else what the AWS SDK finds, looked up when first needed. */
export function apiFetch(place: Pick<Place, 'apiUrl' | 'region' | 'credentials'>, env?: NodeJS.ProcessEnv): ApiFetch {
  const auth = apiAuth(place.apiUrl, place.region, env)
  if (auth.by === 'nothing') return fetch
  if (auth.by === 'token') return (address, init) => fetch(address, withHeader(init, 'authorization', auth.token))
  // The chain of the SDK, which renews what expires; S3 is not asked.
  const { config } = new S3Client({ region: auth.region, credentials: place.credentials })
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
