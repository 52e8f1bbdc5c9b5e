import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** A request on its way to S3, and the response on its way back. Header names are lower-cased. */
export type ProxiedRequest = { method: string; url: URL; headers: Record<string, string | string[] | undefined> }
export type ProxiedResponse = { status: number; headers: Headers; body: Buffer }

/** What a proxy changes: the request before it is sent (a response ends it), and the response. */
export type Changes = {
  request?: (request: ProxiedRequest) => ProxiedResponse | Promise<ProxiedResponse | undefined> | undefined
  response?: (request: ProxiedRequest, response: ProxiedResponse) => void | Promise<void>
}

/** A running proxy, for `await using`. */
export type S3Proxy = { url: string; [Symbol.asyncDispose](): Promise<void> }

/** Starts an HTTP proxy in front of the S3 at `target`, on 127.0.0.1. */
export async function startS3Proxy(target: string, changes: Changes): Promise<S3Proxy> {
  const server = createServer(async (incoming, outgoing) => {
    try {
      const { status, headers, body } = await forward(target, changes, incoming)
      for (const [name, value] of headers) if (!HOP_BY_HOP.has(name)) outgoing.appendHeader(name, value)
      outgoing.writeHead(status).end(body)
    } catch (error) {
      outgoing.writeHead(502).end(String(error))
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** Headers of one connection, and of an encoding that fetch has undone. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-encoding'])

async function forward(target: string, changes: Changes, incoming: IncomingMessage): Promise<ProxiedResponse> {
  const request = {
    method: incoming.method ?? 'GET',
    url: new URL(incoming.url ?? '/', target),
    headers: { ...incoming.headers },
  }
  const body = await buffer(incoming)
  const ended = await changes.request?.(request)
  if (ended) return ended
  const { host: _, connection: __, expect: ___, 'transfer-encoding': ____, ...headers } = request.headers
  const response = await fetch(request.url, {
    method: request.method,
    headers: headers as Record<string, string>,
    body: body.length > 0 ? body : undefined,
  })
  const answer = {
    status: response.status,
    headers: new Headers(response.headers),
    body: Buffer.from(await response.arrayBuffer()),
  }
  await changes.response?.(request, answer)
  if (request.method !== 'HEAD') answer.headers.set('content-length', String(answer.body.length))
  return answer
}
