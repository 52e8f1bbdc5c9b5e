import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { runAction } from './actions.ts'
import { SqsError } from './errors.ts'
import type { Queue } from './queue.ts'

/** The queues that SQS serves; `closing` ends its long polls. */
export type SqsEndpoint = { queues: Queue[]; closing: AbortSignal }

/** Whether a request is for SQS: AWS JSON 1.0 with an SQS target. */
export function isSqsRequest(incoming: IncomingMessage): boolean {
  return incoming.method === 'POST' && targetOf(incoming).startsWith('AmazonSQS.')
}

/** Handles one request of the SQS protocol, as the AWS SDK and the AWS CLI send it. Any credentials are accepted; none are not. */
export async function handleSqsRequest(
  endpoint: SqsEndpoint,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    if (incoming.headers.authorization === undefined)
      throw new SqsError('MissingAuthenticationToken', 'Request is missing Authentication Token', 403)
    const input = await readInput(incoming)
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

async function readInput(incoming: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_REQUEST_BYTES) throw new SqsError('InvalidParameterValue', 'The request is too large')
    chunks.push(chunk)
  }
  try {
    const input: unknown = JSON.parse(Buffer.concat(chunks).toString() || '{}')
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
