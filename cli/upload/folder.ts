import { type Bucket, explained } from '../connect/bucket.ts'
import { codeOf, Failure, isUnreachable } from '../terminal/failure.ts'
import { type Compared, compare, isThere, listBucket, partSize } from './compare.ts'
import { gate, inParallel } from './parallel.ts'
import { sendFile } from './send.ts'
import { type FoundFile, fileReason, type Omission, type WalkOptions, walk } from './walk.ts'

/** What became of a folder. `omissions` holds the first thousand of what was not uploaded, `omitted` and `failed` count all; sizes are bytes. */
export type Summary = {
  uploaded: number
  uploadedBytes: number
  there: number
  thereBytes: number
  omitted: number
  failed: number
  omissions: Omission[]
  milliseconds: number
}

/** Told after each file, with what is done so far. */
export type OnFile = (summary: Summary) => void

/** What is uploaded and how. */
export type FolderUpload = { folder: Buffer; concurrency: number; signal: AbortSignal; onFile: OnFile } & WalkOptions

/**
 * Puts the files of a folder into a bucket, but not those whose bytes are there already under their key: so it goes on where an earlier run was
 * cut off. A file that fails is told of in the summary; when S3 can't be used at all it throws. Aborted, it answers what was done.
 */
export async function uploadFolder(bucket: Bucket, upload: FolderUpload): Promise<Summary> {
  const { folder, concurrency, signal, onFile, prefix = '' } = upload
  const summary = emptySummary()
  const start = performance.now()
  const stop = new AbortController()
  const either = AbortSignal.any([signal, stop.signal])
  const large = gate(LARGE_AT_ONCE)
  const send = (file: FoundFile) => {
    const put = () => sendFile(bucket, file, either)
    return file.size > partSize(file.size) ? large(put) : put()
  }
  const work = async (one: Compared) => {
    if ('omission' in one) return omit(summary, one.omission)
    try {
      await uploadFile(summary, one, send)
    } catch (error) {
      if (either.aborted) return
      if (isHopeless(error)) {
        stop.abort()
        throw error
      }
      omit(summary, { path: one.file.path, reason: fileReason(error), isLoss: true })
    }
    summary.milliseconds = performance.now() - start
    onFile(summary)
  }
  const compared = compare(walk(folder, upload), listBucket(bucket, prefix, either))
  try {
    await inParallel(compared, concurrency, either, work)
  } catch (error) {
    if (!signal.aborted) throw resumable(explained(error, bucket))
  }
  return { ...summary, milliseconds: performance.now() - start }
}

/** What was put so far stays, which the reason alone does not tell. */
function resumable(error: unknown): unknown {
  if (!(error instanceof Failure)) return error
  return new Failure(`${error.message}; then run the same command again, and it goes on where it was`, { cause: error })
}

/** Each large file holds several parts in memory. */
const LARGE_AT_ONCE = 2

/** Omissions that are remembered; a folder of a million broken links must not fill the memory. */
const MOST_OMISSIONS = 1000

function emptySummary(): Summary {
  const nothing = { uploaded: 0, uploadedBytes: 0, there: 0, thereBytes: 0, omitted: 0, failed: 0 }
  return { ...nothing, omissions: [], milliseconds: 0 }
}

async function uploadFile(
  summary: Summary,
  { file, listed }: Extract<Compared, { file: FoundFile }>,
  send: (file: FoundFile) => Promise<number>,
): Promise<void> {
  if (listed && (await isThere(file, listed))) {
    summary.there++
    summary.thereBytes += file.size
    return
  }
  const bytes = await send(file)
  summary.uploadedBytes += bytes
  summary.uploaded++
}

function omit(summary: Summary, omission: Omission): void {
  if (omission.isLoss) summary.failed++
  else summary.omitted++
  if (summary.omissions.length < MOST_OMISSIONS) summary.omissions.push(omission)
}

/** Errors after which no other file will do better. */
function isHopeless(error: unknown): boolean {
  return isUnreachable(error) || HOPELESS.has(codeOf(error))
}

const HOPELESS = new Set([
  'AccessDenied',
  'CredentialsProviderError',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'NoSuchBucket',
  'SignatureDoesNotMatch',
])
