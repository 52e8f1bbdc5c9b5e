import { AwsClient } from 'aws4fetch'

/** What the API answered; the body is parsed when it is JSON. */
export type Answer = { status: number; body: unknown }

/** Parameters of a query. */
export type Query = Record<string, string | number>

/** The HTTP API of an installation. `knowsCallers` where requests are signed, so that it can tell who asks. */
export type Api = {
  knowsCallers: boolean
  ask(method: string, path: string, query?: Query, body?: unknown): Promise<Answer>
}

type Signature = {
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
  region: string
}

/** Opens it; with a signature each request is signed as IAM authorisation wants it. */
export function openApi(url: string, signature?: Signature): Api {
  const signer = signature && new AwsClient({ ...signature.credentials, region: signature.region, service: 'execute-api' })
  return {
    knowsCallers: signer !== undefined,
    async ask(method, path, query = {}, body) {
      const encoded = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
      const address = `${url}${path}${encoded.length > 0 ? `?${encoded.join('&')}` : ''}`
      const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
      const request = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) }
      const signal = AbortSignal.timeout(30_000)
      const response = await (signer ? signer.fetch(address, { ...request, signal }) : fetch(address, { ...request, signal }))
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
