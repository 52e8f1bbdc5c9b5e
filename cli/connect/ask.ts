import { codeOf, Failure, isUnreachable } from '../terminal/failure.ts'
import { printable } from '../terminal/print.ts'
import { type ApiFetch, apiFetch } from './api-fetch.ts'
import { howToStart, type Place } from './where.ts'

/** A value as JSON carries it: dates are ISO 8601 text. */
export type Wire<T> = T extends Date ? string : T extends object ? { [Field in keyof T]: Wire<T[Field]> } : T

/** Query parameters; those that are undefined are left out. */
export type Parameters = Record<string, string | number | boolean | undefined>

/** An answer of the API that is an error: its status, and the code of its body. */
export class Refusal extends Failure {
  override name = 'Refusal'
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** Milliseconds that an answer may take. */
const PATIENCE_MS = 30_000

/** Asks the API with GET. The answer is believed to be what the route table says. Throws Refusal, and Failure when nobody answers. */
export async function ask<T>(place: ApiPlace, path: string, parameters: Parameters = {}): Promise<T> {
  const address = `${place.apiUrl}${path}${queryOf(parameters)}`
  const { status, body } = await get(place, address)
  const answer = parse(body)
  if (status >= 200 && status < 300 && answer !== undefined) return answer as T
  const { code = 'Unknown', message } = errorOf(answer)
  throw new Refusal(
    status,
    code,
    message ?? `${place.apiUrl} answers ${status}, but not as a catalog does: is it another program?`,
  )
}

/** A space as %20: of a signed request AWS takes + for itself. */
function queryOf(parameters: Parameters): string {
  const said = Object.entries(parameters).filter(([, value]) => value !== undefined)
  if (said.length === 0) return ''
  return `?${said.map(([name, value]) => `${name}=${encodeURIComponent(String(value).toWellFormed())}`).join('&')}`
}

type ApiPlace = Pick<Place, 'apiUrl' | 'region' | 'credentials'>

/** One for each API: credentials are looked up once. */
const opened = new Map<string, ApiFetch>()

async function get(place: ApiPlace, address: string): Promise<{ status: number; body: string }> {
  const { apiUrl } = place
  const send = opened.get(apiUrl) ?? apiFetch(place)
  opened.set(apiUrl, send)
  try {
    const response = await send(address, { signal: AbortSignal.timeout(PATIENCE_MS) })
    return { status: response.status, body: await response.text() }
  } catch (error) {
    if (!isUnreachable(error)) throw unusable(apiUrl, error)
    throw new Failure(`Nothing answers at ${apiUrl} (${codeOf(error)}). ${howToStart(apiUrl)}`, { cause: error })
  }
}

/** fetch tells why only in the cause: a port that it refuses, a certificate, an answer that is no HTTP. */
function unusable(apiUrl: string, error: unknown): unknown {
  if (!(error instanceof TypeError) || !(error.cause instanceof Error)) return error
  return new Failure(`${apiUrl} can't be asked: ${printable(error.cause.message)}`, { cause: error })
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function errorOf(answer: unknown): { code?: string; message?: string } {
  const error = typeof answer === 'object' && answer !== null && 'error' in answer ? answer.error : undefined
  if (typeof error !== 'object' || error === null) return {}
  const { code, message } = error as { code?: unknown; message?: unknown }
  return { code: String(code), message: printable(String(message)) }
}
