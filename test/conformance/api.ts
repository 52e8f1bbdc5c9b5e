import type { ApiFetch } from '../../cli/connect/api-fetch.ts'

/** A response of the API; the body is parsed if it is JSON. */
export type ApiResponse = { status: number; body: unknown }

/** Parameters of a query. */
export type Query = Record<string, string | number>

/** The HTTP API of an installation. `knowsCallers` where it can tell who asks. */
export type Api = {
  knowsCallers: boolean
  request(method: string, path: string, query?: Query, body?: unknown): Promise<ApiResponse>
}

/** Creates the client; `fetch` adds the authentication. */
export function openApi(url: string, fetch: ApiFetch, knowsCallers: boolean): Api {
  return {
    knowsCallers,
    async request(method, path, query = {}, body) {
      const encoded = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
      const address = `${url}${path}${encoded.length > 0 ? `?${encoded.join('&')}` : ''}`
      const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
      const sent = body === undefined ? undefined : JSON.stringify(body)
      const response = await fetch(address, { method, headers, body: sent, signal: AbortSignal.timeout(30_000) })
      const text = await response.text()
      return { status: response.status, body: text === '' ? null : parse(text) }
    },
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
