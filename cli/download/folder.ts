import { mkdir } from 'node:fs/promises'
import pMap from 'p-map'
import type { Target } from '../connect/target.ts'
import { listObjects } from '../objects/list-objects.ts'
import { CliError, errorCode, isNetworkError } from '../terminal/cli-error.ts'
import { fetchFile } from './fetch-file.ts'
import { makeFolders, problemOfPath } from './paths.ts'
import type { DownloadProgress } from './progress.ts'
import type { Source } from './request-version.ts'

/**
 * The result of a download; `failures` holds the first hundred, `failed` counts all, and the same for the files that were kept because their
 * content could not be compared. `folders` counts the empty objects that stand for a folder.
 */
export type DownloadSummary = {
  downloaded: number
  bytes: number
  unchanged: number
  notCompared: number
  notComparedKeys: string[]
  folders: number
  failed: number
  failures: { key: string; reason: string }[]
}

/** What to download: the objects with a prefix, whose rest is the path below the folder. */
export type FolderDownload = {
  prefix: string
  folder: string
  concurrency: number
  overwrite: boolean
  signal: AbortSignal
  progress: DownloadProgress
}

const MAX_LISTED = 100

/**
 * Downloads the objects with a prefix into a folder, and nothing outside of it. A key that the file system can't hold, or whose file can't
 * be written, is counted in the summary. Throws when the disk is full or the catalog can't be reached.
 */
export async function downloadFolder(target: Target, settings: FolderDownload): Promise<DownloadSummary> {
  const { prefix, folder, concurrency, overwrite, signal, progress } = settings
  const counts = { downloaded: 0, bytes: 0, unchanged: 0, notCompared: 0, folders: 0, failed: 0 }
  const summary: DownloadSummary = { ...counts, notComparedKeys: [], failures: [] }
  await mkdir(folder, { recursive: true })
  const fail = (key: string, reason: string) => {
    summary.failed++
    if (summary.failures.length < MAX_LISTED) summary.failures.push({ key, reason })
  }
  const work = async (source: Source) => {
    signal.throwIfAborted()
    const { key, size } = source
    const path = key.slice(prefix.length)
    const problem = problemOfPath(path)
    // An empty object that stands for a folder, as consoles create them.
    if (key.endsWith('/') && size === 0) {
      summary.folders++
      return
    }
    if (problem) return fail(key, problem)
    progress.expect(size)
    try {
      const file = await makeFolders(folder, path)
      const onBytes = (bytes: number) => progress.bytes(key, bytes)
      const { state, resumed } = await fetchFile(target, source, file, { overwrite, signal, onBytes })
      if (state === 'unchanged') summary.unchanged++
      else if (state === 'not compared') {
        summary.notCompared++
        if (summary.notComparedKeys.length < MAX_LISTED) summary.notComparedKeys.push(key)
      } else {
        summary.downloaded++
        summary.bytes += size - resumed
      }
    } catch (error) {
      if (signal.aborted || isNetworkError(error) || FATAL_CODES.has(errorCode(error)) || !isExpected(error)) throw error
      fail(key, (error as Error).message)
    }
  }
  await pMap(listObjects(target, prefix), work, { concurrency })
  return summary
}

/** Errors that every other file would meet too. */
const FATAL_CODES = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE'])

function isExpected(error: unknown): boolean {
  return error instanceof CliError || (error instanceof Error && 'syscall' in error)
}
