import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { crossSite, isLoopbackName } from './cross-site.ts'

/** A server on 127.0.0.1. `close` waits for running requests, for at most two seconds. */
export type LocalServer = { url: string; port: number; close(): Promise<void> }

/** Handles one request. What it throws becomes a 500 and is logged. */
export type Listener = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void

/**
 * Listens on 127.0.0.1 only. Port 0 takes a free port; a port in use rejects with Node's EADDRINUSE. Requests that a web page of another
 * origin may have sent are refused with 403, also those that reach the server through a name of that page's own (DNS rebinding). A connection
 * whose headers are not complete within `headersMs` is closed with 408.
 */
export async function serve(port: number, listener: Listener, { headersMs = 10_000 } = {}): Promise<LocalServer> {
  const limits = { headersTimeout: headersMs, connectionsCheckingInterval: headersMs / 10 }
  const server = createServer(limits, (request, response) => void handle(listener, request, response))
  const listening = Promise.withResolvers<void>()
  server.once('error', listening.reject).listen(port, '127.0.0.1', listening.resolve)
  await listening.promise
  const { port: taken } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${taken}`,
    port: taken,
    async close() {
      const closed = new Promise(resolve => server.close(resolve))
      const forceClose = setTimeout(() => server.closeAllConnections(), 2_000)
      await closed
      clearTimeout(forceClose)
    },
  }
}

async function handle(listener: Listener, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const from = crossSite(request.headers)
    if (!isLoopbackName(request.headers.host)) {
      refuse(response, 403, 'Forbidden', 'This server accepts loopback host names only')
    } else if (from) refuse(response, 403, 'Forbidden', `This server accepts no requests of ${from.reason}`)
    else await listener(request, response)
  } catch (error) {
    // The client has disconnected and needs no response.
    if (request.socket.destroyed) return
    console.error(error)
    if (response.headersSent) response.destroy()
    else refuse(response, 500, 'InternalError', 'Internal error')
  }
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  const body = JSON.stringify({ error: { code, message, requestId: randomUUID() } })
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(body)
}
