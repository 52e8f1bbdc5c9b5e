import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A server on 127.0.0.1. `close` waits for running requests, for at most two seconds. */
export type LocalServer = { url: string; port: number; close(): Promise<void> }

/** Handles one request. What it throws becomes a 500 and is logged. */
export type Listener = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void

/**
 * Listens on 127.0.0.1 only. Port 0 takes a free port; a port in use rejects with Node's EADDRINUSE. Requests whose Host is not a
 * loopback name are refused, so that a web page of another site can't reach the server through its own name (DNS rebinding).
 */
export async function serve(port: number, listener: Listener): Promise<LocalServer> {
  const server = createServer((request, response) => void handle(listener, request, response))
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

/** Whether a Host header names this machine. */
export function isLoopbackName(host: string | undefined): boolean {
  const name = (host ?? '').replace(/:\d+$/, '').toLowerCase()
  return name === 'localhost' || name.endsWith('.localhost') || name === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name)
}

async function handle(listener: Listener, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    if (isLoopbackName(request.headers.host)) await listener(request, response)
    else refuse(response, 403, 'Forbidden', 'This server accepts loopback host names only')
  } catch (error) {
    // The client has disconnected and needs no response.
    if (request.socket.destroyed) return
    console.error(error)
    if (response.headersSent) response.destroy()
    else refuse(response, 500, 'InternalError', 'Internal error')
  }
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  const body = JSON.stringify({ error: { code, message } })
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(body)
}
