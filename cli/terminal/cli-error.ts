/** Something an operator can understand and do something about: its message is all that is shown. `exitCode` is 1 unless told. */
export class CliError extends Error {
  override name = 'CliError'
  readonly exitCode: number

  constructor(message: string, { exitCode = 1, cause }: { exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause })
    this.exitCode = exitCode
  }
}

/** Node's or the AWS SDK's name of an error, for example `ECONNREFUSED` or `NoSuchBucket`; of several causes the innermost. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return ''
  if (error instanceof AggregateError && error.errors.length > 0) return errorCode(error.errors[0])
  const inner = error.cause === undefined ? '' : errorCode(error.cause)
  if (inner) return inner
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name === 'Error' ? '' : error.name
}

/** Whether the error says that nobody is there, as opposed to somebody who answers no. */
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
