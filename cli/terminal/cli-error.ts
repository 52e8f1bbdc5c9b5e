/** An error whose message tells the operator what to do; nothing else is printed. `exitCode` defaults to 1. */
export class CliError extends Error {
  override name = 'CliError'
  readonly exitCode: number

  constructor(message: string, { exitCode = 1, cause }: { exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause })
    this.exitCode = exitCode
  }
}

/** The code that Node or the AWS SDK gives an error, for example `ECONNREFUSED` or `NoSuchBucket`, of the innermost cause that has one. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return ''
  if (error instanceof AggregateError && error.errors.length > 0) return errorCode(error.errors[0])
  const inner = error.cause === undefined ? '' : errorCode(error.cause)
  if (inner) return inner
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name === 'Error' ? '' : error.name
}

/** Whether the server could not be reached, as opposed to an error response. */
export function isNetworkError(error: unknown): boolean {
  return NETWORK_ERROR_CODES.has(errorCode(error))
}

const NETWORK_ERROR_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'TimeoutError',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_SOCKET',
  'CONNECT_TIMEOUT',
])
