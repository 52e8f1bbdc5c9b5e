import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { APIGatewayProxyEvent } from 'aws-lambda'

/** The path or query of a request is not valid percent-encoded UTF-8. */
export class MalformedUrl extends Error {
  override name = 'MalformedUrl'
}

/**
 * Converts an HTTP request to the event of API Gateway's REST proxy integration (payload 1.0). Query parameters are decoded and `+` is
 * a space. The single-value maps hold the last value of a repeated name; empty maps are null. A body that is not UTF-8 is base64.
 * Throws MalformedUrl.
 */
export function apiEvent(
  request: IncomingMessage,
  body: Buffer,
  { requestId, user }: { requestId: string; user: string },
): APIGatewayProxyEvent {
  const [rawPath = '/', ...rest] = (request.url ?? '/').split('?')
  const path = decode(rawPath)
  const query = group(parseQuery(rest.join('?')))
  const headers = group(pairs(request.rawHeaders))
  const isBase64Encoded = !isUtf8(body)
  const httpMethod = request.method ?? 'GET'
  return {
    resource: '/{proxy+}',
    path,
    httpMethod,
    headers: lastOf(headers) ?? {},
    multiValueHeaders: headers ?? {},
    queryStringParameters: lastOf(query),
    multiValueQueryStringParameters: query,
    pathParameters: { proxy: path.slice(1) },
    stageVariables: null,
    requestContext: {
      accountId: '000000000000',
      apiId: 'local',
      authorizer: null,
      protocol: `HTTP/${request.httpVersion}`,
      httpMethod,
      identity: identity(request, user),
      path,
      stage: 'local',
      requestId,
      requestTimeEpoch: Date.now(),
      resourceId: 'local',
      resourcePath: '/{proxy+}',
    },
    body: body.length === 0 ? null : body.toString(isBase64Encoded ? 'base64' : 'utf8'),
    isBase64Encoded,
  }
}

function identity(request: IncomingMessage, user: string): APIGatewayProxyEvent['requestContext']['identity'] {
  return {
    accessKey: null,
    accountId: null,
    apiKey: null,
    apiKeyId: null,
    caller: null,
    clientCert: null,
    cognitoAuthenticationProvider: null,
    cognitoAuthenticationType: null,
    cognitoIdentityId: null,
    cognitoIdentityPoolId: null,
    principalOrgId: null,
    sourceIp: request.socket.remoteAddress ?? '',
    user,
    userAgent: request.headers['user-agent'] ?? null,
    userArn: null,
  }
}

function parseQuery(query: string): [string, string][] {
  const parts = query.split('&').filter(part => part !== '')
  return parts.map(part => {
    const at = part.indexOf('=')
    const [name, value] = at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)]
    return [decode(name.replaceAll('+', ' ')), decode(value.replaceAll('+', ' '))]
  })
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    throw new MalformedUrl(`The URL is not percent-encoded UTF-8 at ${JSON.stringify(text.slice(0, 100))}`, { cause })
  }
}

/** Pairs of Node's raw headers, where names and values alternate. */
function pairs(raw: string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i] ?? '', raw[2 * i + 1] ?? ''])
}

function group(entries: [string, string][]): Record<string, string[]> | null {
  if (entries.length === 0) return null
  return Object.fromEntries(
    Map.groupBy(entries, ([name]) => name)
      .entries()
      .map(([name, all]) => [name, all.map(([, value]) => value)]),
  )
}

function lastOf(values: Record<string, string[]> | null): Record<string, string> | null {
  return values && Object.fromEntries(Object.entries(values).map(([name, all]) => [name, all.at(-1) ?? '']))
}
