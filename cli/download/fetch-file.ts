import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { link, lstat, open, rename, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { dirname, join } from 'node:path'
import type { Target } from '../connect/target.ts'
import { compareWithEtag } from '../objects/etag.ts'
import { CliError, errorCode } from '../terminal/cli-error.ts'
import { printable } from '../terminal/print.ts'
import { LIMITS, OtherContent, readBody, requestVersion, type Source, withRetries } from './request-version.ts'

/**
 * What happened to a file: it was downloaded, `resumed` bytes of it earlier; or it was there already with the same content, or with the same size
 * and a content that the ETag of the version does not tell.
 */
export type Outcome = { state: 'downloaded' | 'unchanged' | 'not compared'; resumed: number }

/** How a file is downloaded. `onBytes` is called with the number of its bytes that are there. */
export type FetchOptions = { overwrite: boolean; signal: AbortSignal; onBytes: (bytes: number) => void }

/**
 * Downloads a version to a file through a presigned URL. It is written beside the file and renamed when it is complete, so that the file is
 * never partial; what an interrupted download has written is continued. A file of the same size is kept when the ETag does not tell whether
 * its content is the same. Throws CliError when another file is there; `overwrite` replaces both. Throws OtherContent when the content is not
 * the one of the version.
 */
export async function fetchFile(
  target: Target,
  source: Source,
  file: string,
  options: FetchOptions,
  limits = LIMITS,
): Promise<Outcome> {
  const { overwrite, signal, onBytes } = options
  const found = await lstat(file).catch(() => undefined)
  if (found?.isDirectory()) throw new CliError('a folder of this name is there')
  if (found?.isFile() && found.size === source.size) {
    let comparison = await compareWithEtag(file, source.size, source.etag)
    if (comparison === 'different' && !overwrite && !(await hasMd5(target, source, signal, limits))) comparison = 'unknown'
    if (comparison === 'same' || (comparison === 'unknown' && !overwrite)) {
      onBytes(source.size)
      return { state: comparison === 'same' ? 'unchanged' : 'not compared', resumed: 0 }
    }
  }
  if (found && !overwrite) throw new CliError('another file is there: --overwrite replaces it')
  const part = join(dirname(file), `.catalog-${partName(source)}.part`)
  let resumed: number | undefined
  const attempt = async () => {
    const start = await sizeOfPart(part, source)
    resumed ??= start
    await download(target, source, part, start, options, limits)
  }
  try {
    await withRetries(signal, attempt, limits)
  } catch (error) {
    if (error instanceof OtherContent) await rm(part, { force: true })
    throw error
  }
  await commit(part, file, overwrite)
  return { state: 'downloaded', resumed: resumed ?? 0 }
}

/** Whether an ETag that looks like an MD5 is one. Only a response of S3 tells; its body is not read. */
async function hasMd5(target: Target, source: Source, signal: AbortSignal, limits: typeof LIMITS): Promise<boolean> {
  const response = await withRetries(signal, () => requestVersion(target, source, 0, signal, limits), limits)
  response.destroy()
  return isMd5(response)
}

/** The same for the same content, whatever the name of the file is. */
function partName({ key, versionId, etag }: Source): string {
  return createHash('sha256').update(`${key}\0${versionId}\0${etag}`).digest('hex').slice(0, 16)
}

/** The bytes of a partial file; 0 when there is none to continue, or no ETag that tells whether it can be. */
async function sizeOfPart(part: string, { size, etag }: Source): Promise<number> {
  if (etag === null) return 0
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
  limits: typeof LIMITS,
): Promise<void> {
  const response = await requestVersion(target, source, start, signal, limits)
  // A server that does not know ranges sends everything.
  let bytes = response.statusCode === 206 ? start : 0
  const { O_WRONLY, O_CREAT, O_APPEND, O_TRUNC, O_NOFOLLOW = 0 } = constants
  const handle = await open(part, O_WRONLY | O_CREAT | O_NOFOLLOW | (bytes > 0 ? O_APPEND : O_TRUNC), 0o666)
  try {
    onBytes(bytes)
    for await (const chunk of readBody(response, limits.silenceMs)) {
      await handle.writeFile(chunk)
      bytes += chunk.length
      onBytes(bytes)
    }
  } finally {
    await handle.close()
  }
  if (bytes !== source.size) throw new OtherContent()
  if (isMd5(response) && (await compareWithEtag(part, bytes, source.etag)) === 'different') throw new OtherContent()
}

/** Whether the ETag of an object can be an MD5: with KMS and customers' keys it is not. */
function isMd5({ headers }: IncomingMessage): boolean {
  const isKms = String(headers['x-amz-server-side-encryption'] ?? '').startsWith('aws:kms')
  return !isKms && headers['x-amz-server-side-encryption-customer-algorithm'] === undefined
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
