import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { userInfo } from 'node:os'
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda'
import { type LocalServer, serve } from '../http.ts'
import { explainPort } from '../ports.ts'
import { apiEvent, MalformedUrl } from './event.ts'

/** What Lambda runs for API Gateway, without its callback. */
export type ApiHandler = (event: APIGatewayProxyEvent, context: never) => Promise<APIGatewayProxyResult>

/** The largest request body that API Gateway accepts, in bytes. */
const MAX_REQUEST_BYTES = 10 * 1024 * 1024

/**
 * Serves the API handler over HTTP on 127.0.0.1, as API Gateway's REST proxy integration does. The caller's identity is the user who
 * runs the process. A port in use is an error that names it.
 */
export async function startApi({
  port = 0,
  handler,
  user = userInfo().username,
}: {
  port?: number
  handler: ApiHandler
  user?: string
}): Promise<LocalServer> {
  return serve(port, (request, response) => handle(handler, user, request, response)).catch(error => {
    throw explainPort('api', port, error)
  })
}

async function handle(handler: ApiHandler, user: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const requestId = randomUUID()
  const body = await readBody(request)
  if (!body) return refuse(response, 413, 'BodyTooLarge', `A request must be at most ${MAX_REQUEST_BYTES} bytes`, requestId)
  try {
    // middy accepts an empty context: there is no deadline.
    send(response, await handler(apiEvent(request, body, { requestId, user }), {} as never))
  } catch (error) {
    if (!(error instanceof MalformedUrl)) throw error
    refuse(response, 400, 'InvalidParameter', error.message, requestId)
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    // Read to the end all the same: a client that is still sending would not read the response.
    if (bytes <= MAX_REQUEST_BYTES) chunks.push(chunk)
  }
  return bytes <= MAX_REQUEST_BYTES ? Buffer.concat(chunks) : undefined
}

function send(
  response: ServerResponse,
  { statusCode, headers = {}, multiValueHeaders = {}, body, isBase64Encoded }: APIGatewayProxyResult,
): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, String(value))
  for (const [name, values] of Object.entries(multiValueHeaders)) response.setHeader(name, (values ?? []).map(String))
  response.writeHead(statusCode).end(Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'))
}

function refuse(response: ServerResponse, status: number, code: string, message: string, requestId: string): void {
  send(response, {
    statusCode: status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ error: { code, message, requestId } }),
  })
}
