import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { errorCode } from '../terminal/cli-error.ts'

/** A file to upload. `key` is its path below the folder, with slashes; `path` is its path on disk, as raw bytes; `size` is bytes. */
export type LocalFile = { key: string; path: Buffer; size: number }

/** A path that is not uploaded. `isError` when the content of a file is missing from the bucket because of it, else it is worth a notice only. */
export type SkippedPath = { path: Buffer; reason: string; isError: boolean }

/** One entry of a walk. Walks are in the order of the keys' UTF-8 bytes, which is S3's order. */
export type WalkEntry = { file: LocalFile } | { skipped: SkippedPath }

/** `prefix` is put before each key; symbolic links are followed unless `links` is false. */
export type WalkOptions = { prefix?: string; links?: boolean }

/**
 * Walks a folder recursively, with the names of one folder in memory at a time. Symbolic links are followed as `find -L` does, to files and
 * folders, except to a parent folder. Devices, sockets and pipes are skipped.
 */
export async function* walk(folder: Buffer, { prefix = '', links = true }: WalkOptions = {}): AsyncGenerator<WalkEntry> {
  yield* walkFolder({ path: folder, key: prefix, links, ancestors: new Set([await fileIdentity(folder)]) })
}

/** Why a file could not be read or uploaded, for people. */
export function describeFileError(error: unknown): string {
  const code = errorCode(error)
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  if (code === 'ENOENT') return 'it no longer exists'
  const message = error instanceof Error ? error.message : String(error)
  return code && !message.includes(code) ? `${code}: ${message}` : message
}

/** A folder of the walk; `ancestors` are the identities of itself and its parents. */
type Folder = { path: Buffer; key: string; links: boolean; ancestors: ReadonlySet<string> }

async function* walkFolder(folder: Folder): AsyncGenerator<WalkEntry> {
  const entries = await readFolder(folder)
  if ('skipped' in entries) return yield entries
  for (const entry of entries.entries) {
    if (entry.reason !== undefined) yield skipPath(entry.path, entry.reason, entry.isError)
    else if (entry.isFolder) yield* walkSubfolder(folder, entry)
    else yield await statFile(folder, entry)
  }
}

/** S3's limit for a key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1024

async function* walkSubfolder(folder: Folder, { path, name }: FolderEntry): AsyncGenerator<WalkEntry> {
  let identity: string
  try {
    identity = await fileIdentity(path)
  } catch (error) {
    return yield skipPath(path, describeFileError(error), true)
  }
  if (folder.ancestors.has(identity)) yield skipPath(path, 'symbolic link to a parent folder', false)
  else yield* walkFolder({ ...folder, path, key: `${folder.key}${name}/`, ancestors: new Set(folder.ancestors).add(identity) })
}

async function statFile(folder: Folder, { path, name }: FolderEntry): Promise<WalkEntry> {
  const key = `${folder.key}${name}`
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) return skipPath(path, `its key is longer than ${MAX_KEY_BYTES} bytes`, true)
  try {
    const { size } = await stat(path)
    return { file: { key, path, size } }
  } catch (error) {
    return skipPath(path, describeFileError(error), true)
  }
}

/** A name in a folder; one with a `reason` is skipped. */
type FolderEntry = { path: Buffer; name: string; isFolder: boolean; reason?: string; isError: boolean }

async function readFolder({ path, links }: Folder): Promise<{ entries: FolderEntry[] } | { skipped: SkippedPath }> {
  try {
    const found = await readdir(path, { withFileTypes: true, encoding: 'buffer' })
    const entries: FolderEntry[] = []
    for (const entry of found) entries.push(await classifyEntry(path, entry, links))
    return { entries: entries.sort(byKey) }
  } catch (error) {
    return skipPath(path, describeFileError(error), true)
  }
}

async function classifyEntry(folder: Buffer, entry: Dirent<Buffer>, links: boolean): Promise<FolderEntry> {
  const path = Buffer.concat([folder, Buffer.from('/'), entry.name])
  const name = decodeName(entry.name)
  const skip = (reason: string, isError = false) => ({ path, name: name ?? '', isFolder: false, reason, isError })
  if (name === undefined) return skip('its name is not UTF-8, which S3 requires: rename it', true)
  if (entry.isDirectory() || entry.isFile()) return { path, name, isFolder: entry.isDirectory(), isError: false }
  if (!entry.isSymbolicLink()) return skip('not a regular file')
  if (!links) return skip('symbolic link')
  try {
    const target = await stat(path)
    if (!target.isFile() && !target.isDirectory()) return skip('symbolic link to a special file')
    return { path, name, isFolder: target.isDirectory(), isError: false }
  } catch (error) {
    return skip(`broken symbolic link (${errorCode(error)})`)
  }
}

/** In keys a slash follows the name of a folder, so `a-b` sorts before the content of `a`. */
function byKey(a: FolderEntry, b: FolderEntry): number {
  return Buffer.compare(sortKey(a), sortKey(b))
}

function sortKey({ name, isFolder }: FolderEntry): Buffer {
  return Buffer.from(isFolder ? `${name}/` : name)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeName(name: Buffer): string | undefined {
  try {
    return utf8.decode(name)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

async function fileIdentity(path: Buffer): Promise<string> {
  const { dev, ino } = await stat(path, { bigint: true })
  return `${dev}:${ino}`
}

function skipPath(path: Buffer, reason: string, isError: boolean): { skipped: SkippedPath } {
  return { skipped: { path, reason, isError } }
}
