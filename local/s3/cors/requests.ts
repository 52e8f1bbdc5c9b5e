import { crossSite } from '../../cross-site.ts'
import { isPresigned } from '../auth/authorize.ts'
import { S3Error } from '../errors.ts'
import type { S3Request } from '../http/request.ts'
import type { S3Response } from '../http/response.ts'
import { readSetting } from '../store/bucket-settings.ts'
import { findBucket } from '../store/buckets.ts'
import type { Store } from '../store/store.ts'
import { corsHeaders, findCorsRule } from './rules.ts'

/** Responds to the preflight request of a browser. BadRequest if it is incomplete, AccessForbidden if no rule of the bucket admits it. */
export function preflight(store: Store, request: S3Request): S3Response {
  const { origin, 'access-control-request-method': method } = request.headers
  if (!origin) {
    throw new S3Error('BadRequest', { message: 'Insufficient information. Origin request header needed.' })
  }
  if (!method || !['GET', 'PUT', 'HEAD', 'POST', 'DELETE'].includes(method)) {
    throw new S3Error('BadRequest', { message: `Invalid Access-Control-Request-Method: ${method || 'null'}` })
  }
  const headers = (request.headers['access-control-request-headers'] ?? '')
    .split(',')
    .map(name => name.trim().toLowerCase())
    .filter(name => name !== '')
  const rules = rulesOf(store, request)
  const details = { Method: method, ResourceType: request.key === undefined ? 'BUCKET' : 'OBJECT' }
  if (!rules) throw new S3Error('AccessForbidden', { details })
  const rule = findCorsRule(rules, { origin, method, headers })
  if (!rule) {
    const message =
      "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
    throw new S3Error('AccessForbidden', { message, details })
  }
  return { status: 200, headers: corsHeaders(rule, origin, headers) }
}

/** The CORS headers of the response to any other request; none if no rule of its bucket admits it. */
export function responseCorsHeaders(store: Store, request: S3Request): S3Response['headers'] {
  const { origin } = request.headers
  const rule = origin && findCorsRule(rulesOf(store, request) ?? [], { origin, method: request.method })
  return origin && rule ? corsHeaders(rule, origin) : {}
}

/**
 * Throws AccessDenied for a request of a web page of another origin, unless a CORS rule of the bucket admits it, or it only reads and its URL is
 * presigned: a user may follow such a link from anywhere. AWS leaves this to browsers, but they send simple requests to any machine.
 */
export function refuseCrossSite(store: Store, request: S3Request): void {
  const from = crossSite(request.headers)
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  if (!from || (isRead && isPresigned(request))) return
  const { origin } = from
  if (origin && findCorsRule(rulesOf(store, request) ?? [], { origin, method: request.method })) return
  throw new S3Error('AccessDenied', { message: `This endpoint accepts no requests of ${from.reason}` })
}

function rulesOf(store: Store, { bucket }: S3Request) {
  try {
    return bucket === undefined ? undefined : readSetting(store, findBucket(store, bucket), 'cors')
  } catch (error) {
    if (error instanceof S3Error) return undefined
    throw error
  }
}
