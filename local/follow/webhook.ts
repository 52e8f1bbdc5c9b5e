import { randomBytes, timingSafeEqual } from 'node:crypto'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Invalid } from '../../shared/errors.ts'
import { recordsOf } from '../../shared/ingest/events.ts'
import { type LocalServer, serve } from '../http.ts'
import type { Queue } from '../sqs/queue.ts'

/** The largest body that is accepted, in bytes: the largest message of SQS. */
const MAX_BYTES = 1024 * 1024

/** What the webhook uses. */
export type WebhookOptions = { port: number; secret: string; queue: Queue }

/**
 * Takes notifications of Ceph, MinIO and others on 127.0.0.1 and puts them into a queue: `POST /events` with the secret as bearer token (MinIO), or
 * `POST /events/<secret>` (Ceph, which sends no header of its own). 200 means that the notification is on disk. 401 for a wrong secret, 400 for
 * what is not a notification.
 */
export function startWebhook({ port, secret, queue }: WebhookOptions): Promise<LocalServer> {
  return serve(port, async (request, response) => {
    const [path = ''] = (request.url ?? '').split('?')
    const given = path.startsWith('/events/') ? path.slice('/events/'.length) : bearerToken(request)
    if (path !== '/events' && !path.startsWith('/events/')) return reply(response, 404, 'Notifications go to /events')
    if (!isSame(given, secret)) return reply(response, 401, 'The secret is missing or wrong')
    if (request.method !== 'POST') return reply(response, 405, 'Notifications are sent with POST')
    const body = await readBody(request)
    if (body === undefined) return reply(response, 413, `A notification has at most ${MAX_BYTES} bytes`)
    try {
      if (recordsOf(body).length > 0) queue.send(body)
      return reply(response, 200, 'ok')
    } catch (error) {
      if (!(error instanceof Invalid)) throw error
      return reply(response, 400, error.message)
    }
  })
}

/** The secret in a file that only its owner can read, created if it does not exist. It stays the same at each start. */
export function ownSecret(file: string): string {
  if (!existsSync(file)) writeFileSync(file, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
  chmodSync(file, 0o600)
  return readFileSync(file, 'utf8').trim()
}

/** MinIO sends the token that it is given as it is when it has a space, and else after `Bearer `. */
function bearerToken({ headers }: IncomingMessage): string {
  return (headers.authorization ?? '').replace(/^Bearer /i, '')
}

function isSame(given: string, secret: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(secret)]
  return a.length === b.length && timingSafeEqual(a, b)
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    // Read to the end all the same: a client that is still sending would not read the response.
    if (bytes <= MAX_BYTES) chunks.push(chunk)
  }
  return bytes <= MAX_BYTES ? Buffer.concat(chunks).toString() : undefined
}

function reply(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(`${message}\n`)
}
