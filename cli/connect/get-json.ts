import { CliError, errorCode, isNetworkError } from '../terminal/cli-error.ts'
import { printable } from '../terminal/print.ts'
import { type ApiFetch, createApiFetch } from './api-fetch.ts'
import { startHint, type Target } from './target.ts'

/** The type of a value after JSON: dates are ISO 8601 strings. */
export type Jsonify<T> = T extends Date ? string : T extends object ? { [Field in keyof T]: Jsonify<T[Field]> } : T

/** Query parameters; undefined ones are omitted. */
export type QueryParameters = Record<string, string | number | boolean | undefined>

/** An error response of the API, with its HTTP status and the code of its body. */
export class ApiError extends CliError {
  override name = 'ApiError'
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** Timeout of a request. */
const TIMEOUT_MS = 30_000

/** GET request to the API. The response is not validated. Throws ApiError for an error response, CliError when the API can't be reached. */
export async function getJson<T>(target: ApiTarget, path: string, parameters: QueryParameters = {}): Promise<T> {
  return requestJson(target, `${path}${formatQuery(parameters)}`, { method: 'GET' })
}

/** The same with POST and a JSON body. */
export async function postJson<T>(target: ApiTarget, path: string, value: unknown): Promise<T> {
  const headers = { 'content-type': 'application/json' }
  return requestJson(target, path, { method: 'POST', headers, body: JSON.stringify(value) })
}

/** The same with PATCH, of what the parameters name. */
export async function patchJson<T>(target: ApiTarget, path: string, parameters: QueryParameters, value: unknown): Promise<T> {
  const headers = { 'content-type': 'application/json' }
  return requestJson(target, `${path}${formatQuery(parameters)}`, { method: 'PATCH', headers, body: JSON.stringify(value) })
}

/** The same with DELETE. Undefined for a response without a body (204). */
export async function deleteJson<T>(target: ApiTarget, path: string, parameters: QueryParameters = {}): Promise<T> {
  return requestJson(target, `${path}${formatQuery(parameters)}`, { method: 'DELETE' })
}

async function requestJson<T>(target: ApiTarget, pathAndQuery: string, init: RequestInit): Promise<T> {
  const { status, body } = await fetchBody(target, `${target.apiUrl}${pathAndQuery}`, init)
  if (status === 204) return undefined as T
  const json = parse(body)
  if (status >= 200 && status < 300 && json !== undefined) return json as T
  const { code = 'Unknown', message } = readError(json)
  throw new ApiError(
    status,
    code,
    message ?? `${target.apiUrl} returned status ${status}, but no error of a catalog: is another program running there?`,
  )
}

/** Spaces as %20: in signed requests AWS reads + literally. */
function formatQuery(parameters: QueryParameters): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined)
  if (given.length === 0) return ''
  return `?${given.map(([name, value]) => `${name}=${encodeURIComponent(String(value).toWellFormed())}`).join('&')}`
}

type ApiTarget = Pick<Target, 'apiUrl' | 'region' | 'credentials'>

/** One per API, so that credentials are resolved once. */
const fetchers = new Map<string, ApiFetch>()

async function fetchBody(target: ApiTarget, address: string, init: RequestInit): Promise<{ status: number; body: string }> {
  const { apiUrl } = target
  const send = fetchers.get(apiUrl) ?? createApiFetch(target)
  fetchers.set(apiUrl, send)
  try {
    const response = await send(address, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) })
    return { status: response.status, body: await response.text() }
  } catch (error) {
    if (!isNetworkError(error)) throw explainFetchError(apiUrl, error)
    throw new CliError(`Cannot reach ${apiUrl} (${errorCode(error)}). ${startHint(apiUrl)}`, { cause: error })
  }
}

/** fetch has the reason only in the cause: a blocked port, a certificate, a response that is not HTTP. */
function explainFetchError(apiUrl: string, error: unknown): unknown {
  if (!(error instanceof TypeError) || !(error.cause instanceof Error)) return error
  return new CliError(`Request to ${apiUrl} failed: ${printable(error.cause.message)}`, { cause: error })
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function readError(json: unknown): { code?: string; message?: string } {
  const error = typeof json === 'object' && json !== null && 'error' in json ? json.error : undefined
  if (typeof error !== 'object' || error === null) return {}
  const { code, message } = error as { code?: unknown; message?: unknown }
  return { code: String(code), message: printable(String(message)) }
}
