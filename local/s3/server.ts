import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isLoopbackName } from '../cross-site.ts'
import { handleSqsRequest, isSqsRequest } from '../sqs/endpoint.ts'
import { openQueue, type Queue } from '../sqs/queue.ts'
import { authorize, hoistedHeaders } from './auth/authorize.ts'
import type { Credentials } from './auth/credentials.ts'
import { preflight, refuseCrossSite, responseCorsHeaders } from './cors/requests.ts'
import { S3Error, type S3ErrorCode } from './errors.ts'
import { type EventBody, type Transport, toEventBody } from './events/event-body.ts'
import type { SequencerForm } from './events/sequencer.ts'
import { newRequestIds, readRequest, type S3Request } from './http/request.ts'
import { errorResponse, type S3Response, sendResponse } from './http/response.ts'
import { isFormUpload, postObject } from './operations/objects/post-object.ts'
import { route } from './routes.ts'
import { openStore, type Store } from './store/store.ts'

/** A fault of one request, for tests: it waits, returns an error, or closes the connection after a share of the body (0 to 1). */
export type Fault = { delayMs?: number; error?: S3ErrorCode; cutAfter?: number }

/** The settings of the endpoint; all but the folder are optional. */
export type S3Options = {
  /** 0 (the default) takes a free port. */
  port?: number
  folder: string | ':memory:'
  /** The queue that receives the events; by default `catalog-events` in the store's own database. */
  queue?: Queue
  /** Receives each event instead of the queue, inside the transaction of the change: if it throws, the change is rolled back. */
  deliver?: (notification: EventBody) => void
  sequencer?: SequencerForm
  clock?: () => number
  transport?: Transport
  /** The only credentials that are accepted, by S3 and by SQS. Without them, which is for tests, a signed header may use any. */
  credentials?: Credentials
  fault?: (request: Pick<S3Request, 'method' | 'bucket' | 'key' | 'query'>) => Fault | undefined | Promise<Fault | undefined>
}

/** A running endpoint. `events` and `deadLetters` are the queues of its own database. */
export type S3Server = {
  url: string
  port: number
  store: Store
  events: Queue
  deadLetters: Queue
  close(): Promise<void>
}

/** Starts S3, and SQS for its queues, on 127.0.0.1. A port in use rejects with Node's EADDRINUSE. */
export async function startS3(options: S3Options): Promise<S3Server> {
  const { sequencer = 'aws', transport = 'notification', clock = Date.now } = options
  const queues: { events?: Queue } = {}
  const store = await openStore(options.folder, clock, () => change => {
    const notification = toEventBody(change, { sequencer, transport })
    if (options.deliver) options.deliver(notification)
    else (options.queue ?? queues.events)?.send(JSON.stringify(notification))
  })
  const deadLetters = openQueue(store.db, 'catalog-events-dead', { clock })
  const events = openQueue(store.db, 'catalog-events', {
    visibilitySeconds: 60,
    maxReceiveCount: 5,
    deadLetterQueue: deadLetters.name,
    clock,
  })
  queues.events = events

  const closing = new AbortController()
  const queuesOfSqs = [events, deadLetters, ...(options.queue ? [options.queue] : [])]
  const sqs = { queues: queuesOfSqs, closing: closing.signal, credentials: options.credentials, now: Date.now }
  const handle = async (incoming: IncomingMessage, response: ServerResponse, startBody: () => void) => {
    // A connection that sent its last response while the server closes is idle from then on.
    response.once('finish', () => closing.signal.aborted && setImmediate(() => server.closeIdleConnections()))
    if (!isLoopbackName(incoming.headers.host)) return refuse(incoming, response)
    if (isSqsRequest(incoming)) return handleSqsRequest(sqs, incoming, response)
    await handleRequest(store, options, incoming, response, startBody)
  }
  // No time limit for a whole request: uploads may be slow.
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 65_000 })
  server.on('request', (incoming, response) => void handle(incoming, response, () => {}))
  server.on('checkContinue', (incoming, response) => void handle(incoming, response, () => response.writeContinue()))
  const listening = Promise.withResolvers<void>()
  server.once('error', listening.reject).listen(options.port ?? 0, '127.0.0.1', listening.resolve)
  try {
    await listening.promise
  } catch (error) {
    await store.close()
    throw error
  }

  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    store,
    events,
    deadLetters,
    async close() {
      closing.abort()
      const closed = Promise.withResolvers<void>()
      server.close(() => closed.resolve())
      const giveUp = setTimeout(() => server.closeAllConnections(), CLOSE_WITHIN_MS)
      await closed.promise
      clearTimeout(giveUp)
      await store.close()
    },
  }
}

/** How long running requests may take to finish when the server closes. */
const CLOSE_WITHIN_MS = 3000

async function refuse(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const request = anonymous(incoming)
  const error = new S3Error('AccessDenied', { message: 'This endpoint accepts loopback host names only' })
  await sendResponse(errorResponse(error, request), request, response)
}

async function handleRequest(
  store: Store,
  options: S3Options,
  incoming: IncomingMessage,
  response: ServerResponse,
  startBody: () => void,
): Promise<void> {
  const ids = newRequestIds()
  let request: Pick<S3Request, 'method' | 'path' | 'actor'> = anonymous(incoming, ids)
  try {
    const read = readRequest(incoming, ids, startBody)
    request = read
    const fault = await options.fault?.(read)
    if (fault?.delayMs) await new Promise(resolve => setTimeout(resolve, fault.delayMs))
    if (fault?.error) throw new S3Error(fault.error)
    // Scripts may read the response, errors included, only if a CORS rule of the bucket admits their origin.
    for (const [name, value] of Object.entries(responseCorsHeaders(store, read) ?? {})) {
      if (value !== undefined && read.method !== 'OPTIONS') response.setHeader(name, value)
    }
    await sendResponse(await authorizeAndRoute(store, options, read), request, response, fault?.cutAfter)
  } catch (error) {
    await sendError(error, request, response)
  }
}

async function authorizeAndRoute(store: Store, { credentials }: S3Options, request: S3Request): Promise<S3Response> {
  if (request.method === 'OPTIONS') return preflight(store, request)
  if (isFormUpload(request)) return postObject(store, request, credentials)
  const accessKey = authorize(request, credentials, store.now())
  refuseCrossSite(store, request)
  return route(store, {
    ...request,
    headers: { ...hoistedHeaders(request), ...request.headers },
    actor: { ...request.actor, principalId: `AWS:${accessKey}` },
  })
}

async function sendError(error: unknown, request: Parameters<typeof errorResponse>[1], response: ServerResponse): Promise<void> {
  if (!(error instanceof S3Error) && !isDisconnect(error)) console.error(`${request.method} ${request.path}`, error)
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  await sendResponse(errorResponse(error instanceof S3Error ? error : new S3Error('InternalError'), request), request, response)
}

function isDisconnect(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
}

function anonymous(incoming: IncomingMessage, ids = newRequestIds()): Pick<S3Request, 'method' | 'path' | 'actor'> {
  const path = incoming.url?.replace(/\?.*/s, '') ?? '/'
  return {
    method: incoming.method ?? 'GET',
    path,
    actor: { principalId: '', sourceIp: incoming.socket.remoteAddress ?? '', ...ids },
  }
}
