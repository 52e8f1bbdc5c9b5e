import { formDecode, percentEncode } from '../encoding.ts'
import { S3Error } from '../errors.ts'
import type { S3Request } from '../http/request.ts'
import { type Credentials, testCredentials } from './credentials.ts'
import { verifyHeaderV2, verifyPresignedV2 } from './signature-v2.ts'
import { type Signed, verifyHeader, verifyPresigned } from './signature-v4.ts'

/**
 * Verifies the signature of a request and returns its access key. Anonymous requests are AccessDenied. Without credentials, which is for
 * tests only, a signed header may name any access key, and presigned URLs are verified with the test credentials.
 */
export function authorize(request: S3Request, credentials: Credentials | undefined, now: number): string {
  if (isPresigned(request)) {
    if (request.headers.authorization !== undefined) {
      throw new S3Error('InvalidArgument', {
        message:
          'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified',
      })
    }
    const verify = request.query.has('Signature') ? verifyPresignedV2 : verifyPresigned
    return verify({ ...request, path: signedPath(request) }, credentials ?? testCredentials, now)
  }
  const { authorization } = request.headers
  if (authorization === undefined) throw new S3Error('AccessDenied')
  if (!credentials) return anyAccessKey(authorization)
  if (authorization.startsWith('AWS ')) return verifyHeaderV2(request, credentials, now)
  return verifyHeader({ ...request, path: signedPath(request) }, credentials, now)
}

/** Whether a request is signed in its query, so that its URL alone authorizes it. */
export function isPresigned({ query }: Pick<Signed, 'query'>): boolean {
  return query.has('X-Amz-Signature') || query.has('X-Amz-Algorithm') || query.has('Signature')
}

/**
 * The headers that a presigned URL carries in its query. Checksums among them are ignored, as in S3: the SDK signs the checksum of
 * an empty body, because it does not have the body when it signs.
 */
export function hoistedHeaders(request: S3Request): Record<string, string> {
  const hoisted = [...request.query].filter(([name]) => /^x-amz-(?!checksum-|sdk-checksum-)/.test(name))
  return Object.fromEntries(hoisted.map(([name, value]) => [name, Buffer.from(value).toString('latin1')]))
}

// Version 2 signs the path as it was sent, version 4 in one encoding of it.
function signedPath({ path, query }: S3Request): string {
  return query.has('Signature') ? path : percentEncode(formDecode(path) ?? path).replaceAll('%2F', '/')
}

function anyAccessKey(authorization: string): string {
  const accessKey =
    /^AWS4-HMAC-SHA256 .*Credential=([^/,\s]+)\/\d{8}\/[^/]+\/[\w-]+\/aws4_request/.exec(authorization)?.[1] ??
    /^AWS ([^:\s]+):\S+$/.exec(authorization)?.[1]
  if (!accessKey) throw new S3Error('AuthorizationHeaderMalformed')
  return accessKey
}
