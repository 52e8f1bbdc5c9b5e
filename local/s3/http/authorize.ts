import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { percentEncode } from '../encoding.ts'
import { S3Error } from '../errors.ts'
import type { S3Request } from './request.ts'

/** The access key and secret that sign presigned URLs. */
export type Credentials = { accessKeyId: string; secretAccessKey: string }

/** The default credentials. Not secret, because the server listens on loopback only. */
export const defaultCredentials: Credentials = { accessKeyId: 'catalog', secretAccessKey: 'catalog-secret' }

/**
 * Returns the access key of a request. A signed header may use any credentials, so that every client works with its own settings.
 * Presigned URLs are verified in full, because they exist to restrict access. Anonymous requests are AccessDenied.
 */
export function authorize(request: S3Request, credentials: Credentials, now: number): string {
  if (request.query.has('X-Amz-Signature') || request.query.has('X-Amz-Algorithm'))
    return verifyPresigned(request, credentials, now)
  if (request.query.has('Signature')) return verifyPresignedV2(request, credentials, now)
  const authorization = request.headers.authorization
  if (authorization === undefined) throw new S3Error('AccessDenied')
  const accessKey =
    /^AWS4-HMAC-SHA256 .*Credential=([^/,\s]+)\/\d{8}\/[^/]+\/[\w-]+\/aws4_request/.exec(authorization)?.[1] ??
    /^AWS ([^:\s]+):\S+$/.exec(authorization)?.[1]
  if (!accessKey) throw new S3Error('AuthorizationHeaderMalformed')
  return accessKey
}

/**
 * The headers that a presigned URL carries in its query. Checksums among them are ignored, as in S3: the SDK signs the checksum of
 * an empty body, because it does not have the body when it signs.
 */
export function hoistedHeaders(request: S3Request): Record<string, string> {
  const hoisted = [...request.query].filter(([name]) => /^x-amz-(?!checksum-|sdk-checksum-)/.test(name))
  return Object.fromEntries(hoisted.map(([name, value]) => [name, Buffer.from(value).toString('latin1')]))
}

/** The longest lifetime of a presigned URL, in seconds: a week. */
const MAX_EXPIRES = 604_800

/** How far in the future a signature may be, in ms. */
const CLOCK_SKEW_MS = 15 * 60 * 1000

function verifyPresigned(request: S3Request, credentials: Credentials, now: number): string {
  const [accessKey, date, region, service, terminator] = required(request, 'X-Amz-Credential').split('/')
  const timestamp = required(request, 'X-Amz-Date')
  const expires = Number(required(request, 'X-Amz-Expires'))
  const signedHeaders = required(request, 'X-Amz-SignedHeaders').split(';')
  const signature = required(request, 'X-Amz-Signature')
  const signedAt = parseTimestamp(timestamp)
  if (required(request, 'X-Amz-Algorithm') !== 'AWS4-HMAC-SHA256')
    throw queryError('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
  if (service !== 's3' || terminator !== 'aws4_request' || !date || !timestamp.startsWith(date)) {
    throw queryError('Error parsing the X-Amz-Credential parameter')
  }
  if (!(expires >= 1)) throw queryError('X-Amz-Expires must be a positive number of seconds')
  if (expires > MAX_EXPIRES) throw queryError('X-Amz-Expires must be less than a week (in seconds) that is, 604800')
  const unsigned = Object.keys(request.headers).filter(name => mustBeSigned(name) && !signedHeaders.includes(name))
  if (unsigned.length > 0) {
    throw new S3Error('AccessDenied', {
      message: 'There were headers present in the request which were not signed',
      details: { HeadersNotSigned: unsigned.join(', ') },
    })
  }
  if (accessKey !== credentials.accessKeyId) throw new S3Error('InvalidAccessKeyId', { details: { AWSAccessKeyId: accessKey } })
  if (signedAt > now + CLOCK_SKEW_MS) throw new S3Error('AccessDenied', { message: 'Request is not valid yet' })
  if (now > signedAt + expires * 1000) throw expired(signedAt + expires * 1000, now, expires)

  const scope = `${date}/${region}/s3/aws4_request`
  const canonical = canonicalRequest(request, signedHeaders)
  const toSign = ['AWS4-HMAC-SHA256', timestamp, scope, sha256(canonical)].join('\n')
  const signingKey = [date, region ?? '', 's3', 'aws4_request'].reduce<string | Buffer>(
    (key, part) => createHmac('sha256', key).update(part).digest(),
    `AWS4${credentials.secretAccessKey}`,
  )
  const expected = createHmac('sha256', signingKey).update(toSign).digest('hex')
  if (!isSame(expected, signature)) {
    throw new S3Error('SignatureDoesNotMatch', {
      details: { AWSAccessKeyId: accessKey, StringToSign: toSign, SignatureProvided: signature, CanonicalRequest: canonical },
    })
  }
  return accessKey
}

/** Parameters that belong to the resource in a version 2 signature (S3 developer guide, "Signing and authenticating REST requests"). */
const resourceParameters = new Set([
  ...['acl', 'lifecycle', 'location', 'logging', 'notification', 'partNumber', 'policy', 'requestPayment', 'uploadId', 'uploads'],
  ...[
    'versionId',
    'versioning',
    'versions',
    'website',
    'tagging',
    'restore',
    'delete',
    'cors',
    'torrent',
    'response-content-type',
  ],
  ...[
    'response-content-language',
    'response-expires',
    'response-cache-control',
    'response-content-disposition',
    'response-content-encoding',
  ],
])

// The AWS CLI 1 and boto3 still presign with version 2 by default.
function verifyPresignedV2(request: S3Request, credentials: Credentials, now: number): string {
  const { query, headers, method } = request
  const expires = Number(required(request, 'Expires'))
  if (!Number.isSafeInteger(expires) || expires < 0) {
    const message = `Invalid date (should be seconds since epoch): ${query.get('Expires')}`
    throw new S3Error('AccessDenied', { message })
  }
  const accessKey = required(request, 'AWSAccessKeyId')
  if (accessKey !== credentials.accessKeyId) throw new S3Error('InvalidAccessKeyId', { details: { AWSAccessKeyId: accessKey } })
  if (now > expires * 1000) throw expired(expires * 1000, now, undefined)
  const amzHeaders = Object.keys(headers)
    .filter(name => name.startsWith('x-amz-'))
    .concat([...query.keys()].filter(name => name.startsWith('x-amz-')))
    .sort()
    .map(name => `${name}:${(headers[name] ?? query.get(name) ?? '').trim()}\n`)
    .join('')
  const parameters = [...query]
    .filter(([name]) => resourceParameters.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`))
    .join('&')
  const resource = request.path + (parameters === '' ? '' : `?${parameters}`)
  const toSign = [method, headers['content-md5'] ?? '', headers['content-type'] ?? '', expires, amzHeaders + resource].join('\n')
  const expected = createHmac('sha1', credentials.secretAccessKey).update(toSign).digest('base64')
  if (!isSame(expected, required(request, 'Signature'))) {
    throw new S3Error('SignatureDoesNotMatch', { details: { AWSAccessKeyId: accessKey, StringToSign: toSign } })
  }
  return accessKey
}

const mustBeSigned = (name: string) => name === 'host' || (name.startsWith('x-amz-') && name !== 'x-amz-content-sha256')

function required(request: S3Request, name: string): string {
  const value = request.query.get(name)
  if (value === undefined || value === '') throw queryError(`Query-string authentication requires the ${name} parameter`)
  return value
}

function queryError(message: string): S3Error {
  return new S3Error('AuthorizationQueryParametersError', { message })
}

function expired(at: number, now: number, expires: number | undefined): S3Error {
  const details = { 'X-Amz-Expires': expires, Expires: new Date(at).toISOString(), ServerTime: new Date(now).toISOString() }
  return new S3Error('AccessDenied', { message: 'Request has expired', details })
}

function parseTimestamp(text: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  if (!match) throw queryError("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
  const [, year, month, day, hour, minute, second] = match.map(Number) as [number, number, number, number, number, number, number]
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

function canonicalRequest(request: S3Request, signedHeaders: string[]): string {
  const path = `/${[request.bucket ?? '', ...(request.key === undefined ? [] : [request.key])].join('/')}`
  const query = [...request.query]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`)
    .sort()
    .join('&')
  const headers = signedHeaders.map(name => `${name}:${(request.headers[name] ?? '').trim().replace(/ +/g, ' ')}\n`).join('')
  const payload = request.query.get('X-Amz-Content-Sha256') ?? request.headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD'
  return [request.method, percentEncode(path).replaceAll('%2F', '/'), query, headers, signedHeaders.join(';'), payload].join('\n')
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

function isSame(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)]
  return a.length === b.length && timingSafeEqual(a, b)
}
