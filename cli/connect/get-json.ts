import { CliError, errorCode, isNetworkError } from '../terminal/cli-error.ts'
import { printable } from '../terminal/print.ts'
import { type ApiFetch, createApiFetch } from './api-fetch.ts'
import { startHint, type Target } from './target.ts'

/** A value as JSON carries it: dates are ISO 8601 text. */
export type Jsonify<T> = T extends Date ? string : T extends object ? { [Field in keyof T]: Jsonify<T[Field]> } : T

/** Query parameters; those that are undefined are left out. */
export type QueryParameters = Record<string, string | number | boolean | undefined>

/** An answer of the API that is an error: its status, and the code of its body. */
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

/** Milliseconds that an answer may take. */
const TIMEOUT_MS = 30_000

/** Asks the API with GET. The answer is believed to be what the route table says. Throws ApiError, and CliError when nobody answers. */
export async function getJson<T>(target: ApiTarget, path: string, parameters: QueryParameters = {}): Promise<T> {
  const address = `${target.apiUrl}${path}${formatQuery(parameters)}`
  const { status, body } = await fetchBody(target, address)
  const answer = parse(body)
  if (status >= 200 && status < 300 && answer !== undefined) return answer as T
  const { code = 'Unknown', message } = readError(answer)
  throw new ApiError(
    status,
    code,
    message ?? `${target.apiUrl} answers ${status}, but not as a catalog does: is it another program?`,
  )
}

/** A space as %20: of a signed request AWS takes + for itself. */
function formatQuery(parameters: QueryParameters): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined)
  if (given.length === 0) return ''
  return `?${given.map(([name, value]) => `${name}=${encodeURIComponent(String(value).toWellFormed())}`).join('&')}`
}

type ApiTarget = Pick<Target, 'apiUrl' | 'region' | 'credentials'>

/** One for each API: credentials are looked up once. */
const fetchers = new Map<string, ApiFetch>()

async function fetchBody(target: ApiTarget, address: string): Promise<{ status: number; body: string }> {
  const { apiUrl } = target
  const send = fetchers.get(apiUrl) ?? createApiFetch(target)
  fetchers.set(apiUrl, send)
  try {
    const response = await send(address, { signal: AbortSignal.timeout(TIMEOUT_MS) })
    return { status: response.status, body: await response.text() }
  } catch (error) {
    if (!isNetworkError(error)) throw explainFetchError(apiUrl, error)
    throw new CliError(`Nothing answers at ${apiUrl} (${errorCode(error)}). ${startHint(apiUrl)}`, { cause: error })
  }
}

/** fetch tells why only in the cause: a port that it refuses, a certificate, an answer that is no HTTP. */
function explainFetchError(apiUrl: string, error: unknown): unknown {
  if (!(error instanceof TypeError) || !(error.cause instanceof Error)) return error
  return new CliError(`${apiUrl} can't be asked: ${printable(error.cause.message)}`, { cause: error })
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function readError(answer: unknown): { code?: string; message?: string } {
  const error = typeof answer === 'object' && answer !== null && 'error' in answer ? answer.error : undefined
  if (typeof error !== 'object' || error === null) return {}
  const { code, message } = error as { code?: unknown; message?: unknown }
  return { code: String(code), message: printable(String(message)) }
}
