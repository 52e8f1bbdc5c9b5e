import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { userInfo } from 'node:os'
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda'
import { type LocalServer, serve } from '../http.ts'
import { explainPort } from '../ports.ts'
import { decodeBody, encodeBody, UnsupportedCoding } from './compression.ts'
import { apiEvent, MalformedUrl } from './event.ts'

/** What Lambda runs for API Gateway, without its callback. */
export type ApiHandler = (event: APIGatewayProxyEvent, context: never) => Promise<APIGatewayProxyResult>

/** The largest request body that API Gateway accepts, in bytes. */
const MAX_REQUEST_BYTES = 10 * 1024 * 1024

/**
 * Serves the API handler over HTTP on 127.0.0.1, as API Gateway's REST proxy integration does, compression included. The caller's identity is the user who
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
  try {
    const sent = await readBody(request)
    const body = await decodeBody(sent, request.headers['content-encoding'], MAX_REQUEST_BYTES)
    // middy accepts an empty context: there is no deadline.
    await send(request, response, await handler(apiEvent(request, body, { requestId, user }), {} as never))
  } catch (error) {
    const [status, code] = refusalOf(error)
    if (!(error instanceof Error) || status === undefined) throw error
    const message = status === 413 ? `A request must be at most ${MAX_REQUEST_BYTES} bytes` : error.message
    const body = JSON.stringify({ error: { code, message, requestId } })
    await send(request, response, { statusCode: status, headers: { 'content-type': 'application/json' }, body })
  }
}

/** What API Gateway refuses without the handler. */
function refusalOf(error: unknown): [status?: number, code?: string] {
  if (error instanceof MalformedUrl) return [400, 'InvalidParameter']
  if (error instanceof UnsupportedCoding) return [415, 'UnsupportedMediaType']
  return error instanceof RangeError ? [413, 'BodyTooLarge'] : []
}

/** Throws a RangeError for a body that is too long. */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    // Read to the end all the same: a client that is still sending would not read the response.
    if (bytes <= MAX_REQUEST_BYTES) chunks.push(chunk)
  }
  if (bytes > MAX_REQUEST_BYTES) throw new RangeError(`${bytes} bytes`)
  return Buffer.concat(chunks)
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { statusCode, headers = {}, multiValueHeaders = {}, body: text, isBase64Encoded }: APIGatewayProxyResult,
): Promise<void> {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, String(value))
  for (const [name, values] of Object.entries(multiValueHeaders)) response.setHeader(name, (values ?? []).map(String))
  const whole = Buffer.from(text, isBase64Encoded ? 'base64' : 'utf8')
  const { body, contentEncoding } = await encodeBody(whole, request.headers['accept-encoding']?.toString())
  if (contentEncoding) response.setHeader('content-encoding', contentEncoding)
  response.writeHead(statusCode).end(body)
}
