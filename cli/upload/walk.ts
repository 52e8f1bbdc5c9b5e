import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { codeOf } from '../terminal/failure.ts'

/** A file of a folder, as it is named in the bucket: below the folder, with slashes. `path` is raw, as the system has it; `size` is bytes. */
export type FoundFile = { key: string; path: Buffer; size: number }

/** Something that is not uploaded. `isLoss`: it is a file whose content will be missed; else it only deserves a word. */
export type Omission = { path: Buffer; reason: string; isLoss: boolean }

/** What a walk comes across, in the order of the keys' UTF-8 bytes, which is S3's order. */
export type Found = { file: FoundFile } | { omission: Omission }

/** How a walk goes: with a prefix before each key; symbolic links are followed unless `links` is false. */
export type WalkOptions = { prefix?: string; links?: boolean }

/**
 * Walks a folder and what is below it, one folder's names in memory at a time. Links are followed as `find -L` does: to files and folders, but not
 * into a folder that the walk is in. Devices, sockets and pipes are left out.
 */
export async function* walk(folder: Buffer, { prefix = '', links = true }: WalkOptions = {}): AsyncGenerator<Found> {
  yield* walkFolder({ path: folder, key: prefix, links, above: new Set([await identityOf(folder)]) })
}

/** Why a file could not be read or put, in words. */
export function fileReason(error: unknown): string {
  const code = codeOf(error)
  if (code === 'EACCES' || code === 'EPERM') return 'you may not read it'
  if (code === 'ENOENT') return 'it is gone'
  const message = error instanceof Error ? error.message : String(error)
  return code && !message.includes(code) ? `${code}: ${message}` : message
}

/** A folder under way: `above` are the identities of it and of those it is in. */
type Folder = { path: Buffer; key: string; links: boolean; above: ReadonlySet<string> }

async function* walkFolder(folder: Folder): AsyncGenerator<Found> {
  const entries = await readFolder(folder)
  if ('omission' in entries) return yield entries
  for (const entry of entries.entries) {
    if (entry.reason !== undefined) yield omit(entry.path, entry.reason, entry.isLoss)
    else if (entry.isFolder) yield* enter(folder, entry)
    else yield await look(folder, entry)
  }
}

/** S3's limit for a key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1024

async function* enter(folder: Folder, { path, name }: Entry): AsyncGenerator<Found> {
  const identity = await identityOf(path)
  if (folder.above.has(identity)) yield omit(path, 'a symbolic link back to a folder that it is in', false)
  else yield* walkFolder({ ...folder, path, key: `${folder.key}${name}/`, above: new Set(folder.above).add(identity) })
}

async function look(folder: Folder, { path, name }: Entry): Promise<Found> {
  const key = `${folder.key}${name}`
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) return omit(path, `its key would have more than ${MAX_KEY_BYTES} bytes`, true)
  try {
    const { size } = await stat(path)
    return { file: { key, path, size } }
  } catch (error) {
    return omit(path, fileReason(error), true)
  }
}

/** A name in a folder; one with a reason is not gone on with. */
type Entry = { path: Buffer; name: string; isFolder: boolean; reason?: string; isLoss: boolean }

async function readFolder({ path, links }: Folder): Promise<{ entries: Entry[] } | { omission: Omission }> {
  try {
    const found = await readdir(path, { withFileTypes: true, encoding: 'buffer' })
    const entries: Entry[] = []
    for (const entry of found) entries.push(await kindOf(path, entry, links))
    return { entries: entries.sort(byKey) }
  } catch (error) {
    return omit(path, fileReason(error), true)
  }
}

async function kindOf(folder: Buffer, entry: Dirent<Buffer>, links: boolean): Promise<Entry> {
  const path = Buffer.concat([folder, Buffer.from('/'), entry.name])
  const name = textOf(entry.name)
  const left = (reason: string, isLoss = false) => ({ path, name: name ?? '', isFolder: false, reason, isLoss })
  if (name === undefined) return left('its name is not UTF-8, which S3 needs: rename it', true)
  if (entry.isDirectory() || entry.isFile()) return { path, name, isFolder: entry.isDirectory(), isLoss: false }
  if (!entry.isSymbolicLink()) return left('not a file')
  if (!links) return left('a symbolic link')
  try {
    const target = await stat(path)
    if (!target.isFile() && !target.isDirectory()) return left('a symbolic link to what is not a file')
    return { path, name, isFolder: target.isDirectory(), isLoss: false }
  } catch (error) {
    return left(`a symbolic link that leads nowhere (${codeOf(error)})`)
  }
}

/** In keys a slash follows the name of a folder, so `a-b` comes before what is in `a`. */
function byKey(a: Entry, b: Entry): number {
  return Buffer.compare(sortKey(a), sortKey(b))
}

function sortKey({ name, isFolder }: Entry): Buffer {
  return Buffer.from(isFolder ? `${name}/` : name)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOf(name: Buffer): string | undefined {
  try {
    return utf8.decode(name)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

async function identityOf(path: Buffer): Promise<string> {
  const { dev, ino } = await stat(path, { bigint: true })
  return `${dev}:${ino}`
}

function omit(path: Buffer, reason: string, isLoss: boolean): { omission: Omission } {
  return { omission: { path, reason, isLoss } }
}
