import type { APIGatewayProxyResult } from 'aws-lambda'

/** A response of API Gateway's proxy integration, with a JSON body or none. It must not be cached: the catalog may change at any time. */
export function jsonResponse(statusCode: number, body: unknown, headers: Record<string, string> = {}): APIGatewayProxyResult {
  const common = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...headers }
  if (body === undefined) return { statusCode, headers: common, body: '' }
  return { statusCode, headers: { ...common, 'content-type': 'application/json' }, body: JSON.stringify(body) }
}
