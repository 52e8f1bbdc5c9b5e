import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError, getJson } from '../connect/get-json.ts'
import type { Target } from '../connect/target.ts'
import { CliError, isNetworkError } from '../terminal/cli-error.ts'

/** The version of a key to download; sizes are bytes. */
export type Source = { key: string; versionId: string; size: number; etag: string | null }

/** The bucket has another content than the version in the catalog. */
export class OtherContent extends CliError {
  override name = 'OtherContent'

  constructor() {
    super('its content is not that of the version: run the same command again')
  }
}

/** Attempts for a request, the pause after the first one, which doubles, and how long a connection may be silent, in milliseconds. */
export const LIMITS = { attempts: 4, pauseMs: 500, silenceMs: 30_000 }

/**
 * Requests the bytes of a version from an offset, presigned, so that the audit trail shows the caller. Throws OtherContent when the ETag is not
 * that of the version, CliError for an error of S3.
 */
export async function requestVersion(
  target: Target,
  source: Source,
  from: number,
  signal: AbortSignal,
  { silenceMs } = LIMITS,
): Promise<IncomingMessage> {
  const { key, versionId, etag } = source
  const parameters = { bucket: target.bucket, key, versionId, expiresIn: 3600 }
  const { url } = await getJson<{ url: string }>(target, '/download', parameters)
  const headers = from > 0 ? { range: `bytes=${from}-`, ...(etag === null ? {} : { 'if-match': `"${etag}"` }) } : {}
  const response = await send(url, headers, signal, silenceMs)
  const { statusCode: status = 0 } = response
  const found = etagOf(response)
  if (status === 412 || (isSuccess(status) && etag !== null && found !== undefined && found !== etag)) {
    response.destroy()
    throw new OtherContent()
  }
  if (isSuccess(status)) return response
  const [, code = `status ${status}`] = /<Code>(\w+)<\/Code>/.exec(await text(readBody(response, silenceMs))) ?? []
  if (status >= 500) throw new ServerError(`S3 returned ${code}`)
  throw new CliError(
    code === 'InvalidObjectState' ? 'it is archived: restore it from the archive in S3 first' : `S3 returned ${code}`,
  )
}

/** The chunks of a body. The time between two counts only while the reader waits: a pager may stop reading for an hour. */
export async function* readBody(response: IncomingMessage, silenceMs = LIMITS.silenceMs): AsyncGenerator<Buffer> {
  const chunks = response[Symbol.asyncIterator]()
  try {
    for (;;) {
      const timer = setTimeout(() => response.destroy(silent(silenceMs)), silenceMs)
      const { done, value } = await chunks.next().finally(() => clearTimeout(timer))
      if (done) return
      yield value
    }
  } finally {
    response.destroy()
  }
}

/** Repeats what fails because of the network or a busy server; any other error is thrown at once. */
export async function withRetries<T>(signal: AbortSignal, run: () => Promise<T>, { attempts, pauseMs } = LIMITS): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      if (!isTemporary(error) || attempt === attempts || signal.aborted) throw error
    }
    await sleep(pauseMs * 2 ** (attempt - 1), undefined, { signal })
  }
}

/** S3 failed or asked to slow down: the same request may succeed later. */
class ServerError extends CliError {
  override name = 'ServerError'
}

function isTemporary(error: unknown): boolean {
  if (error instanceof ApiError) return error.status === 429 || error.status >= 500
  return error instanceof ServerError || isNetworkError(error)
}

/** Not by fetch, which decodes a Content-Encoding. */
function send(url: string, headers: Record<string, string>, signal: AbortSignal, silenceMs: number): Promise<IncomingMessage> {
  const get = url.startsWith('https:') ? https.get : http.get
  return new Promise((resolve, reject) => {
    const request = get(url, { headers, signal, timeout: silenceMs }, response => {
      request.setTimeout(0)
      resolve(response)
    })
    request.on('timeout', () => request.destroy(silent(silenceMs)))
    request.on('error', reject)
  })
}

function isSuccess(status: number): boolean {
  return status === 200 || status === 206
}

function etagOf({ headers }: IncomingMessage): string | undefined {
  return headers.etag?.replace(/^W\//, '').replaceAll('"', '')
}

function silent(milliseconds: number): Error {
  return Object.assign(new Error(`S3 sent nothing for ${milliseconds / 1000} seconds`), { code: 'ETIMEDOUT' })
}
