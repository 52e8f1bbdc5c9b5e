import { type Bucket, explainS3Error } from '../connect/bucket.ts'
import { CliError, errorCode, isNetworkError } from '../terminal/cli-error.ts'
import { type ComparedEntry, hasSameContent, joinWithListing, listBucket, partSize } from './compare.ts'
import { gate, inParallel } from './parallel.ts'
import { sendFile } from './send.ts'
import { describeFileError, type LocalFile, type SkippedPath, type WalkOptions, walk } from './walk.ts'

/** What became of a folder. `omissions` holds the first thousand of what was not uploaded, `omitted` and `failed` count all; sizes are bytes. */
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

/** Told after each file, with what is done so far. */
export type OnFile = (summary: UploadSummary) => void

/** What is uploaded and how. */
export type FolderUpload = { folder: Buffer; concurrency: number; signal: AbortSignal; onFile: OnFile } & WalkOptions

/**
 * Puts the files of a folder into a bucket, but not those whose bytes are there already under their key: so it goes on where an earlier run was
 * cut off. A file that fails is told of in the summary; when S3 can't be used at all it throws. Aborted, it answers what was done.
 */
export async function uploadFolder(bucket: Bucket, upload: FolderUpload): Promise<UploadSummary> {
  const { folder, concurrency, signal, onFile, prefix = '' } = upload
  const summary = emptySummary()
  const start = performance.now()
  const stop = new AbortController()
  const either = AbortSignal.any([signal, stop.signal])
  const large = gate(MAX_LARGE_FILES)
  const send = (file: LocalFile) => {
    const put = () => sendFile(bucket, file, either)
    return file.size > partSize(file.size) ? large(put) : put()
  }
  const work = async (one: ComparedEntry) => {
    if ('omission' in one) return recordSkipped(summary, one.omission)
    try {
      await uploadFile(summary, one, send)
    } catch (error) {
      if (either.aborted) return
      if (isFatal(error)) {
        stop.abort()
        throw error
      }
      recordSkipped(summary, { path: one.file.path, reason: describeFileError(error), isError: true })
    }
    summary.milliseconds = performance.now() - start
    onFile(summary)
  }
  const compared = joinWithListing(walk(folder, upload), listBucket(bucket, prefix, either))
  try {
    await inParallel(compared, concurrency, either, work)
  } catch (error) {
    if (!signal.aborted) throw withResumeHint(explainS3Error(error, bucket))
  }
  return { ...summary, milliseconds: performance.now() - start }
}

/** What was put so far stays, which the reason alone does not tell. */
function withResumeHint(error: unknown): unknown {
  if (!(error instanceof CliError)) return error
  return new CliError(`${error.message}; then run the same command again, and it goes on where it was`, { cause: error })
}

/** Each large file holds several parts in memory. */
const MAX_LARGE_FILES = 2

/** Omissions that are remembered; a folder of a million broken links must not fill the memory. */
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
  summary.uploadedBytes += bytes
  summary.uploaded++
}

function recordSkipped(summary: UploadSummary, omission: SkippedPath): void {
  if (omission.isError) summary.failed++
  else summary.skipped++
  if (summary.skippedPaths.length < MAX_SKIPPED_PATHS) summary.skippedPaths.push(omission)
}

/** Errors after which no other file will do better. */
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
