import pMap from 'p-map'
import { type Bucket, explainS3Error } from '../connect/bucket.ts'
import { partSize } from '../objects/etag.ts'
import { CliError, errorCode, isNetworkError } from '../terminal/cli-error.ts'
import { type ComparedEntry, hasSameContent, joinWithListing, listBucket } from './compare.ts'
import { sendFile } from './send.ts'
import { describeFileError, type LocalFile, type SkippedPath, type WalkOptions, walk } from './walk.ts'

/** The result of an upload. `skippedPaths` holds the first thousand paths that were not uploaded, `skipped` and `failed` count all; sizes are bytes. */
export type UploadSummary = {
  uploaded: number
  uploadedBytes: number
  unchanged: number
  unchangedBytes: number
  skipped: number
  failed: number
  skippedPaths: SkippedPath[]
  milliseconds: number
}

/** Called after each file with the totals so far. */
export type OnFile = (summary: UploadSummary) => void

/** What to upload and how; `concurrency` is files at once. */
export type FolderUpload = { folder: Buffer; concurrency: number; signal: AbortSignal; onFile: OnFile } & WalkOptions

/**
 * Uploads the files of a folder, except those whose content the bucket has under their key, so a second run continues an interrupted one.
 * A file that fails is counted in the summary. Throws CliError when S3 as a whole can't be used. When aborted, it returns what was done.
 */
export async function uploadFolder(bucket: Bucket, upload: FolderUpload): Promise<UploadSummary> {
  const { folder, concurrency, signal, onFile, prefix = '' } = upload
  const summary = emptySummary()
  const start = performance.now()
  const stop = new AbortController()
  const stopped = AbortSignal.any([signal, stop.signal])
  let failure: unknown
  const fail = (error: unknown) => {
    failure ??= error
    stop.abort()
  }
  const send = createSender(bucket, stopped)
  const work = async (entry: ComparedEntry) => {
    try {
      if ('skipped' in entry) return recordSkipped(summary, entry.skipped)
      await uploadFile(summary, entry, send)
    } catch (error) {
      if (stopped.aborted) return
      if (isFatal(error)) return fail(error)
      if ('file' in entry) recordSkipped(summary, { path: entry.file.path, reason: describeFileError(error), isError: true })
    }
    summary.milliseconds = performance.now() - start
    onFile(summary)
  }
  const entries = joinWithListing(walk(folder, upload), listBucket(bucket, prefix, stopped))
  // Neither the source nor the work throws: pMap returns only when nothing is in flight any more, so no part of a large file is left.
  await pMap(untilStopped(entries, stopped, fail), work, { concurrency })
  if (failure !== undefined && !signal.aborted) throw withResumeHint(explainS3Error(failure, bucket))
  return { ...summary, milliseconds: performance.now() - start }
}

/** The same entries until `stopped` is aborted; an error of the source goes to `fail` and ends them. */
async function* untilStopped<T>(source: AsyncIterable<T>, stopped: AbortSignal, fail: (error: unknown) => void) {
  try {
    for await (const entry of source) {
      if (stopped.aborted) return
      yield entry
    }
  } catch (error) {
    fail(error)
  }
}

/** Sends small files at once and large ones one after the other, because each holds several parts in memory. */
function createSender(bucket: Bucket, stopped: AbortSignal): (file: LocalFile) => Promise<number> {
  let previous: Promise<unknown> = Promise.resolve()
  return file => {
    if (file.size <= partSize(file.size)) return sendFile(bucket, file, stopped)
    const sent = previous.then(() => sendFile(bucket, file, stopped))
    previous = sent.catch(() => undefined)
    return sent
  }
}

/** What was uploaded stays uploaded; the reason alone does not say so. */
function withResumeHint(error: unknown): unknown {
  if (!(error instanceof CliError)) return error
  return new CliError(`${error.message}; then run the same command again to continue`, { cause: error })
}

/** Remembered paths; a folder of a million broken links must not fill the memory. */
const MAX_SKIPPED_PATHS = 1000

function emptySummary(): UploadSummary {
  const zero = { uploaded: 0, uploadedBytes: 0, unchanged: 0, unchangedBytes: 0, skipped: 0, failed: 0 }
  return { ...zero, skippedPaths: [], milliseconds: 0 }
}

async function uploadFile(
  summary: UploadSummary,
  { file, listed }: Extract<ComparedEntry, { file: LocalFile }>,
  send: (file: LocalFile) => Promise<number>,
): Promise<void> {
  if (listed && (await hasSameContent(file, listed))) {
    summary.unchanged++
    summary.unchangedBytes += file.size
    return
  }
  const bytes = await send(file)
  // Not `+= await`, which reads the sum before it waits and loses what was added meanwhile.
  summary.uploadedBytes += bytes
  summary.uploaded++
}

function recordSkipped(summary: UploadSummary, skipped: SkippedPath): void {
  if (skipped.isError) summary.failed++
  else summary.skipped++
  if (summary.skippedPaths.length < MAX_SKIPPED_PATHS) summary.skippedPaths.push(skipped)
}

/** Errors that every other file would meet too. */
function isFatal(error: unknown): boolean {
  return isNetworkError(error) || FATAL_CODES.has(errorCode(error))
}

const FATAL_CODES = new Set([
  'AccessDenied',
  'CredentialsProviderError',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'NoSuchBucket',
  'SignatureDoesNotMatch',
])
