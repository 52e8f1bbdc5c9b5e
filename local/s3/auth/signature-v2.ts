import { createHmac } from 'node:crypto'
import { S3Error } from '../errors.ts'
import type { S3Request } from '../http/request.ts'
import { type Credentials, isSameSignature, requireAccessKey } from './credentials.ts'
import { expired, required, tooSkewed } from './signature-v4.ts'

/** Verifies a URL that is presigned with version 2, as boto3 and the AWS CLI 1 still do by default. Returns the access key. */
export function verifyPresignedV2(request: S3Request, credentials: Credentials, now: number): string {
  const expires = Number(required(request, 'Expires'))
  if (!Number.isSafeInteger(expires) || expires < 0) {
    const message = `Invalid date (should be seconds since epoch): ${request.query.get('Expires')}`
    throw new S3Error('AccessDenied', { message })
  }
  requireAccessKey(required(request, 'AWSAccessKeyId'), credentials)
  if (now > expires * 1000) throw expired(expires * 1000, now, undefined)
  requireSignature(request, String(expires), required(request, 'Signature'), credentials)
  return credentials.accessKeyId
}

/** Verifies an `Authorization` header of version 2 and returns the access key. */
export function verifyHeaderV2(request: S3Request, credentials: Credentials, now: number): string {
  const { headers } = request
  const [, accessKey, signature = ''] = /^AWS ([^:\s]+):(\S+)$/.exec(headers.authorization ?? '') ?? []
  if (!accessKey) throw new S3Error('AuthorizationHeaderMalformed')
  requireAccessKey(accessKey, credentials)
  const signedAt = Date.parse(headers['x-amz-date'] ?? headers.date ?? '')
  if (Number.isNaN(signedAt)) {
    throw new S3Error('AccessDenied', { message: 'AWS authentication requires a valid Date or x-amz-date header' })
  }
  if (Math.abs(now - signedAt) > MAX_SKEW_MS) throw tooSkewed(signedAt, now)
  requireSignature(request, headers['x-amz-date'] === undefined ? (headers.date ?? '') : '', signature, credentials)
  return credentials.accessKeyId
}

const MAX_SKEW_MS = 15 * 60 * 1000

/** Parameters that belong to the resource in a version 2 signature (S3 developer guide, "Signing and authenticating REST requests"). */
const resourceParameters = new Set([
  ...['acl', 'lifecycle', 'location', 'logging', 'notification', 'partNumber', 'policy', 'requestPayment', 'uploadId', 'uploads'],
  ...['versionId', 'versioning', 'versions', 'website', 'tagging', 'restore', 'delete', 'cors', 'torrent'],
  ...['content-type', 'content-language', 'expires', 'cache-control', 'content-disposition', 'content-encoding'].map(
    name => `response-${name}`,
  ),
])

function requireSignature(request: S3Request, date: string, signature: string, credentials: Credentials): void {
  const { query, headers, method } = request
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
  // Some clients sign a bucket with a slash at its end and send it without.
  const paths = [request.path, ...(request.key === undefined && !request.path.endsWith('/') ? [`${request.path}/`] : [])]
  const toSign = paths.map(path => {
    const resource = path + (parameters === '' ? '' : `?${parameters}`)
    return [method, headers['content-md5'] ?? '', headers['content-type'] ?? '', date, amzHeaders + resource].join('\n')
  })
  const sign = (text: string) => createHmac('sha1', credentials.secretAccessKey).update(text, 'latin1').digest('base64')
  if (toSign.some(text => isSameSignature(sign(text), signature))) return
  throw new S3Error('SignatureDoesNotMatch', {
    details: { AWSAccessKeyId: credentials.accessKeyId, StringToSign: toSign[0] },
  })
}
