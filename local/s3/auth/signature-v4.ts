import { createHash, createHmac } from 'node:crypto'
import { percentEncode } from '../encoding.ts'
import { S3Error } from '../errors.ts'
import { type Credentials, isSameSignature, requireAccessKey } from './credentials.ts'

/** What a version 4 signature covers. `path` is percent-encoded; `payload` is the value in place of the hash of the body. */
export type Signed = {
  method: string
  path: string
  query: ReadonlyMap<string, string>
  headers: Record<string, string | undefined>
}

/** The date, region and service for which a signing key is valid. */
export type Scope = { date: string; region: string; service: string }

/** How far a signature's time may be from the server's, in ms. */
const CLOCK_SKEW_MS = 15 * 60 * 1000

/** The longest lifetime of a presigned URL, in seconds: a week. */
const MAX_EXPIRES = 604_800

/**
 * Verifies the signature in an `Authorization` header, except that of a body in chunks. Returns the access key. Throws what S3 returns for a
 * malformed header, another key, a wrong signature, unsigned `x-amz-` headers, and a clock that differs by more than 15 minutes.
 */
export function verifyHeader(
  request: Signed,
  credentials: Credentials,
  now: number,
  { service = 's3', payload = request.headers['x-amz-content-sha256'] }: { service?: string; payload?: string } = {},
): string {
  const fields = /^AWS4-HMAC-SHA256\s+(.*)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
  const field = (name: string) => new RegExp(`(?:^|[,\\s])${name}=([^,\\s]+)`).exec(fields)?.[1] ?? ''
  const [accessKey, date, region, inService, terminator] = field('Credential').split('/')
  const signedHeaders = field('SignedHeaders').split(';')
  if (!date || !region || inService !== service || terminator !== 'aws4_request' || !signedHeaders.includes('host')) {
    throw new S3Error('AuthorizationHeaderMalformed')
  }
  requireAccessKey(accessKey, credentials)
  if (payload === undefined) {
    throw new S3Error('InvalidRequest', { message: 'Missing required header for this request: x-amz-content-sha256' })
  }
  requireSigned(request, signedHeaders)
  const timestamp = request.headers['x-amz-date'] ?? ''
  const signedAt = parseTimestamp(timestamp)
  if (signedAt === undefined) {
    throw new S3Error('AccessDenied', { message: 'AWS authentication requires a valid Date or x-amz-date header' })
  }
  if (!timestamp.startsWith(date)) throw new S3Error('AuthorizationHeaderMalformed')
  if (Math.abs(now - signedAt) > CLOCK_SKEW_MS) throw tooSkewed(signedAt, now)
  const scope = { date, region, service }
  requireSignature(request, { scope, timestamp, signedHeaders, payload, signature: field('Signature') }, credentials)
  return credentials.accessKeyId
}

/** Verifies a presigned URL in full and returns its access key. Throws what S3 returns for one that is malformed, expired or wrong. */
export function verifyPresigned(request: Signed, credentials: Credentials, now: number): string {
  const [accessKey, date, region, service, terminator] = required(request, 'X-Amz-Credential').split('/')
  const timestamp = required(request, 'X-Amz-Date')
  const expires = Number(required(request, 'X-Amz-Expires'))
  const signedHeaders = required(request, 'X-Amz-SignedHeaders').split(';')
  const signature = required(request, 'X-Amz-Signature')
  const signedAt = parseTimestamp(timestamp)
  if (signedAt === undefined) throw queryError("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
  if (required(request, 'X-Amz-Algorithm') !== 'AWS4-HMAC-SHA256')
    throw queryError('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
  if (service !== 's3' || terminator !== 'aws4_request' || !date || !region || !timestamp.startsWith(date)) {
    throw queryError('Error parsing the X-Amz-Credential parameter')
  }
  if (!(expires >= 1)) throw queryError('X-Amz-Expires must be a positive number of seconds')
  if (expires > MAX_EXPIRES) throw queryError('X-Amz-Expires must be less than a week (in seconds) that is, 604800')
  requireSigned(request, signedHeaders)
  requireAccessKey(accessKey, credentials)
  if (signedAt > now + CLOCK_SKEW_MS) throw new S3Error('AccessDenied', { message: 'Request is not valid yet' })
  if (now > signedAt + expires * 1000) throw expired(signedAt + expires * 1000, now, expires)
  const payload = request.query.get('X-Amz-Content-Sha256') ?? request.headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD'
  requireSignature(request, { scope: { date, region, service }, timestamp, signedHeaders, payload, signature }, credentials)
  return credentials.accessKeyId
}

/** The signature of a text in hex: of a string to sign, or of the policy of a form. */
export function sign(text: string, { date, region, service }: Scope, credentials: Credentials): string {
  const signingKey = [date, region, service, 'aws4_request'].reduce<string | Buffer>(
    (key, part) => createHmac('sha256', key).update(part).digest(),
    `AWS4${credentials.secretAccessKey}`,
  )
  return createHmac('sha256', signingKey).update(text).digest('hex')
}

/** A presigned URL, a signature or a policy that has expired. */
export function expired(at: number, now: number, expires: number | undefined): S3Error {
  const details = { 'X-Amz-Expires': expires, Expires: new Date(at).toISOString(), ServerTime: new Date(now).toISOString() }
  return new S3Error('AccessDenied', { message: 'Request has expired', details })
}

/** A query parameter that query authentication needs. */
export function required(request: Pick<Signed, 'query'>, name: string): string {
  const value = request.query.get(name)
  if (value === undefined || value === '') throw queryError(`Query-string authentication requires the ${name} parameter`)
  return value
}

/** A request whose clock differs too much. */
export function tooSkewed(signedAt: number, now: number): S3Error {
  const details = { RequestTime: new Date(signedAt).toISOString(), ServerTime: new Date(now).toISOString() }
  return new S3Error('RequestTimeTooSkewed', { details: { ...details, MaxAllowedSkewMilliseconds: CLOCK_SKEW_MS } })
}

type Signature = { scope: Scope; timestamp: string; signedHeaders: string[]; payload: string; signature: string }

function requireSignature(request: Signed, given: Signature, credentials: Credentials): void {
  const { scope, timestamp, signature } = given
  const canonical = canonicalRequest(request, given)
  const scopeText = `${scope.date}/${scope.region}/${scope.service}/aws4_request`
  // Header bytes are ISO-8859-1 in Node's strings; the client signed the bytes.
  const hash = createHash('sha256').update(canonical, 'latin1').digest('hex')
  const toSign = ['AWS4-HMAC-SHA256', timestamp, scopeText, hash].join('\n')
  if (isSameSignature(sign(toSign, scope, credentials), signature)) return
  throw new S3Error('SignatureDoesNotMatch', {
    details: {
      AWSAccessKeyId: credentials.accessKeyId,
      StringToSign: toSign,
      SignatureProvided: signature,
      CanonicalRequest: canonical,
    },
  })
}

function requireSigned(request: Signed, signedHeaders: string[]): void {
  const unsigned = Object.keys(request.headers).filter(name => mustBeSigned(name) && !signedHeaders.includes(name))
  if (unsigned.length === 0) return
  throw new S3Error('AccessDenied', {
    message: 'There were headers present in the request which were not signed',
    details: { HeadersNotSigned: unsigned.join(', ') },
  })
}

const mustBeSigned = (name: string) => name === 'host' || (name.startsWith('x-amz-') && name !== 'x-amz-content-sha256')

function canonicalRequest(request: Signed, { signedHeaders, payload }: Signature): string {
  const query = [...request.query]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`)
    .sort()
    .join('&')
  const headers = signedHeaders.map(name => `${name}:${(request.headers[name] ?? '').trim().replace(/ +/g, ' ')}\n`).join('')
  return [request.method, request.path, query, headers, signedHeaders.join(';'), payload].join('\n')
}

function queryError(message: string): S3Error {
  return new S3Error('AuthorizationQueryParametersError', { message })
}

function parseTimestamp(text: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  if (!match) return undefined
  const [, year, month, day, hour, minute, second] = match.map(Number) as [number, number, number, number, number, number, number]
  return Date.UTC(year, month - 1, day, hour, minute, second)
}
