import { createHash, randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { crossSite } from '../cross-site.ts'
import type { Credentials } from '../s3/auth/credentials.ts'
import { verifyHeader } from '../s3/auth/signature-v4.ts'
import { S3Error } from '../s3/errors.ts'
import { runAction } from './actions.ts'
import { SqsError } from './errors.ts'
import type { Queue } from './queue.ts'

/** The queues that SQS serves; `closing` ends its long polls. Without credentials, which is for tests, any are accepted. */
export type SqsEndpoint = { queues: Queue[]; closing: AbortSignal; credentials?: Credentials; now(): number }

/** Whether a request is for SQS: AWS JSON 1.0 with an SQS target. */
export function isSqsRequest(incoming: IncomingMessage): boolean {
  return incoming.method === 'POST' && targetOf(incoming).startsWith('AmazonSQS.')
}

/** Handles one request of the SQS protocol, as the AWS SDK and the AWS CLI send it. */
export async function handleSqsRequest(
  endpoint: SqsEndpoint,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    if (incoming.headers.authorization === undefined)
      throw new SqsError('MissingAuthenticationToken', 'Request is missing Authentication Token', 403)
    const from = crossSite(incoming.headers)
    if (from) throw new SqsError('AccessDeniedException', `This endpoint accepts no requests of ${from.reason}`, 403)
    const body = await readBody(incoming)
    if (endpoint.credentials) verifySignature(incoming, body, endpoint.credentials, endpoint.now())
    const input = parseInput(body)
    const context = { endpoint, baseUrl: `http://${incoming.headers.host}`, response }
    send(response, 200, await runAction(context, targetOf(incoming).slice('AmazonSQS.'.length), input))
  } catch (error) {
    if (!(error instanceof SqsError)) console.error(targetOf(incoming), error)
    const known = error instanceof SqsError ? error : new SqsError('InternalError', 'We encountered an internal error.', 500)
    response.setHeader('x-amzn-query-error', `${known.queryCode};${known.status < 500 ? 'Sender' : 'Receiver'}`)
    send(response, known.status, { __type: `com.amazonaws.sqs#${known.code}`, message: known.message })
  }
}

/** A request in SQS is at most 1 MiB, and its JSON may escape each byte. */
const MAX_REQUEST_BYTES = 8 * 1024 ** 2

function targetOf(incoming: IncomingMessage): string {
  return String(incoming.headers['x-amz-target'] ?? '')
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_REQUEST_BYTES) throw new SqsError('InvalidParameterValue', 'The request is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function verifySignature(incoming: IncomingMessage, body: Buffer, credentials: Credentials, now: number): void {
  const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, [value].flat().join(',')]))
  const [path = '/'] = (incoming.url ?? '/').split('?')
  const payload = createHash('sha256').update(body).digest('hex')
  try {
    verifyHeader({ method: 'POST', path, query: new Map(), headers }, credentials, now, { service: 'sqs', payload })
  } catch (error) {
    if (!(error instanceof S3Error)) throw error
    throw new SqsError(sqsCodes[error.code] ?? 'IncompleteSignature', error.message, error.status)
  }
}

const sqsCodes: Partial<Record<S3Error['code'], string>> = {
  InvalidAccessKeyId: 'InvalidClientTokenId',
  SignatureDoesNotMatch: 'SignatureDoesNotMatch',
  RequestTimeTooSkewed: 'RequestExpired',
}

function parseInput(body: Buffer): Record<string, unknown> {
  try {
    const input: unknown = JSON.parse(body.toString() || '{}')
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input as Record<string, unknown>
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw new SqsError('SerializationException', 'The request is not a JSON object')
}

function send(response: ServerResponse, status: number, output: object): void {
  if (response.destroyed) return
  const body = JSON.stringify(output)
  const headers = {
    'Content-Type': 'application/x-amz-json-1.0',
    'x-amzn-RequestId': randomUUID(),
    'Content-Length': Buffer.byteLength(body),
  }
  response.writeHead(status, headers).end(body)
}
