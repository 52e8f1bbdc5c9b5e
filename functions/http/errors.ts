import type { MiddlewareObj } from '@middy/core'
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda'
import { jsonResponse } from './json-response.ts'

/** An error for the caller, who sees status, code and message. */
export class HttpError extends Error {
  override name = 'HttpError'
  readonly status: number
  readonly code: string
  readonly headers: Record<string, string>

  constructor(status: number, code: string, message: string, options: ErrorOptions & { headers?: Record<string, string> } = {}) {
    super(message, options)
    this.status = status
    this.code = code
    this.headers = options.headers ?? {}
  }
}

/** Status and code for the named errors of `shared`. */
const NAMED: Record<string, [status: number, code: string]> = {
  Invalid: [400, 'InvalidParameter'],
  NotFound: [404, 'NotFound'],
  Conflict: [409, 'Conflict'],
}

/**
 * Middleware that turns errors into `{ error: { code, message, requestId } }`. Any other error is an opaque 500, because its message may hold
 * secrets; the log has it in full, as one line of JSON.
 */
export function errorResponses(): MiddlewareObj<APIGatewayProxyEvent, APIGatewayProxyResult> {
  return {
    onError: request => {
      const { error, event } = request
      const requestId = event.requestContext.requestId
      const { status, code, message, headers } = publicError(error)
      if (status >= 500) log(event, error)
      request.response = jsonResponse(status, { error: { code, message, requestId } }, headers)
    },
  }
}

/** Postgres ended the statement after the time that its role has. */
const STATEMENT_TIMEOUT = '57014'

/** Postgres has no connection left or restarts (SQLSTATE), or it cannot be reached (codes of the driver and of Node). */
const UNREACHABLE = [
  ...['53300', '57P01', '57P02', '57P03', 'CONNECT_TIMEOUT', 'CONNECTION_CLOSED', 'CONNECTION_DESTROYED'],
  ...['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'ETIMEDOUT'],
]

function publicError(error: unknown): Pick<HttpError, 'status' | 'code' | 'message' | 'headers'> {
  if (error instanceof HttpError) return error
  const reason = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (reason === STATEMENT_TIMEOUT) return unavailable('The database took too long: try again later, or request less')
  if (UNREACHABLE.includes(reason)) return unavailable('The catalog cannot reach its database or bucket: try again later')
  const [status, code] = (error instanceof Error && NAMED[error.name]) || [500, 'InternalError']
  const message = error instanceof Error && status < 500 ? error.message : 'Internal error; the log has it under the request id'
  return { status, code, message, headers: {} }
}

/** Seconds after which a client may try again. */
const RETRY_AFTER = 5

function unavailable(message: string): HttpError {
  return new HttpError(503, 'Unavailable', message, { headers: { 'retry-after': String(RETRY_AFTER) } })
}

function log(event: APIGatewayProxyEvent, error: unknown): void {
  const { requestId } = event.requestContext
  const whole =
    error instanceof Error
      ? { ...error, name: error.name, message: error.message, stack: error.stack, cause: String(error.cause) }
      : error
  console.error(JSON.stringify({ level: 'error', requestId, method: event.httpMethod, path: event.path, error: whole }))
}
