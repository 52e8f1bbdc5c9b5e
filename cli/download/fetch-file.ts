import { createHash } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { link, lstat, open, rename, rm } from 'node:fs/promises'
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { getJson } from '../connect/get-json.ts'
import type { Target } from '../connect/target.ts'
import { CliError, errorCode, isNetworkError } from '../terminal/cli-error.ts'
import { printable } from '../terminal/print.ts'

/** The version of a key to download; sizes are bytes. */
export type Source = { key: string; versionId: string; size: number; etag: string | null }

/** What happened to a file: it was there already, or was downloaded, `resumed` bytes of it earlier. */
export type Outcome = { isUnchanged: boolean; resumed: number }

/** How a file is downloaded. `onBytes` is called with the number of its bytes that are there. */
export type FetchOptions = { overwrite: boolean; signal: AbortSignal; onBytes: (bytes: number) => void }

/** Attempts after a lost connection. Each continues where the one before it ended. */
const ATTEMPTS = 4

/**
 * Downloads a version to a file through a presigned URL. It is written beside the file and renamed when it is complete, so that the file is
 * never partial; what an interrupted download has written is continued. Throws CliError when another file is there, unless
 * `overwrite` is set, and when the content is not the one of the version.
 */
export async function fetchFile(target: Target, source: Source, file: string, options: FetchOptions): Promise<Outcome> {
  const found = await lstat(file).catch(() => undefined)
  if (found?.isDirectory()) throw new CliError('a folder of this name is there')
  if (found?.isFile() && found.size === source.size && (await hasContent(file, source, true))) {
    options.onBytes(source.size)
    return { isUnchanged: true, resumed: 0 }
  }
  if (found && !options.overwrite) throw new CliError('another file is there: --overwrite replaces it')
  const part = join(dirname(file), `.catalog-${partName(source)}.part`)
  let resumed: number | undefined
  for (let attempt = 1; ; attempt++) {
    const start = await sizeOfPart(part, source)
    resumed ??= start
    try {
      await download(target, source, part, start, options)
      break
    } catch (error) {
      if (!isNetworkError(error) || attempt === ATTEMPTS || options.signal.aborted) throw error
    }
  }
  await commit(part, file, options.overwrite)
  return { isUnchanged: false, resumed }
}

/** Requests the bytes of a version from an offset, presigned, so that the audit trail shows the caller. Throws CliError for an error of S3. */
export async function requestVersion(
  target: Target,
  source: Source,
  from: number,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { key, versionId } = source
  const parameters = { bucket: target.bucket, key, versionId, expiresIn: 3600 }
  const { url } = await getJson<{ url: string }>(target, '/download', parameters)
  // Not by fetch, which decodes a Content-Encoding.
  const send = url.startsWith('https:') ? https.get : http.get
  const headers = from > 0 ? { range: `bytes=${from}-` } : {}
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    send(url, { headers, signal }, resolve).on('error', reject),
  )
  if (response.statusCode === 200 || response.statusCode === 206) return response
  const [, code = `status ${response.statusCode}`] = /<Code>(\w+)<\/Code>/.exec(await text(response)) ?? []
  throw new CliError(
    code === 'InvalidObjectState' ? 'it is archived: restore it from the archive in S3 first' : `S3 returned ${code}`,
  )
}

/** The same for the same content, whatever the name of the file is. */
function partName({ key, versionId, etag }: Source): string {
  return createHash('sha256').update(`${key}\0${versionId}\0${etag}`).digest('hex').slice(0, 16)
}

/** The bytes of a partial file; 0 when there is none to continue. */
async function sizeOfPart(part: string, { size }: Source): Promise<number> {
  const before = await lstat(part).catch(() => undefined)
  return before?.isFile() && before.size < size ? before.size : 0
}

/** Writes what is missing of a partial file. */
async function download(
  target: Target,
  source: Source,
  part: string,
  start: number,
  { signal, onBytes }: FetchOptions,
): Promise<void> {
  const response = await requestVersion(target, source, start, signal)
  // A server that does not know ranges sends everything.
  let bytes = response.statusCode === 206 ? start : 0
  const { O_WRONLY, O_CREAT, O_APPEND, O_TRUNC, O_NOFOLLOW = 0 } = constants
  const handle = await open(part, O_WRONLY | O_CREAT | O_NOFOLLOW | (bytes > 0 ? O_APPEND : O_TRUNC), 0o666)
  try {
    onBytes(bytes)
    for await (const chunk of response as AsyncIterable<Buffer>) {
      await handle.writeFile(chunk)
      bytes += chunk.length
      onBytes(bytes)
    }
  } finally {
    await handle.close()
  }
  if (bytes === source.size && (await hasContent(part, source, isMd5(response)))) return
  await rm(part)
  throw new CliError('its content is not that of the version: run the same command again')
}

/** Whether the ETag of an object can be an MD5: with KMS and customers' keys it is not. */
function isMd5({ headers }: IncomingMessage): boolean {
  const isKms = String(headers['x-amz-server-side-encryption'] ?? '').startsWith('aws:kms')
  return !isKms && headers['x-amz-server-side-encryption-customer-algorithm'] === undefined
}

/** Whether a file of the right size has the content of a version, as far as its ETag tells: of an upload in parts it is not an MD5. */
async function hasContent(file: string, { etag }: Source, canBeMd5: boolean): Promise<boolean> {
  if (!canBeMd5 || etag === null || !/^[0-9a-f]{32}$/.test(etag)) return true
  const md5 = createHash('md5')
  await pipeline(createReadStream(file, { highWaterMark: 1024 ** 2 }), md5)
  return md5.digest('hex') === etag
}

/** Gives a complete file its name. Without `overwrite` a file that has come meanwhile is kept. */
async function commit(part: string, file: string, overwrite: boolean): Promise<void> {
  if (overwrite) return rename(part, file)
  try {
    await link(part, file)
    await rm(part)
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw new CliError(`${printable(file)} is there now: --overwrite replaces it`)
    // A file system without hard links.
    await rename(part, file)
  }
}
