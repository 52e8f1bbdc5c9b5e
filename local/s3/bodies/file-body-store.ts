import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type BodyStore, type ReadRange, readSegments } from './body-store.ts'
import { countReaders } from './readers.ts'

/** Bodies as files below a folder, synced to disk before they count. Opening removes the bodies that nothing refers to. */
export async function openFileBodyStore(folder: string, isReferenced: (body: string) => boolean): Promise<BodyStore> {
  const temporary = join(folder, 'incoming')
  const pathOf = (body: string) => join(folder, body.slice(0, 2), body)
  await rm(temporary, { recursive: true, force: true })
  await mkdir(temporary, { recursive: true })
  for (let first = 0; first < 256; first++) await mkdir(join(folder, hexByte(first)), { recursive: true })
  await removeUnreferenced(folder, isReferenced)
  const readers = countReaders(body => rm(pathOf(body), { force: true }))

  return {
    async write(source) {
      const body = randomBytes(16).toString('hex')
      const path = join(temporary, body)
      const file = await open(path, 'wx')
      try {
        for await (const chunk of gather(source)) await file.writeFile(chunk)
        await file.datasync()
        await file.close()
        await rename(path, pathOf(body))
        return body
      } catch (error) {
        await file.close()
        await rm(path, { force: true })
        throw error
      }
    },
    read: (segments, start, end) => readers.during(segments, () => readSegments(segments, start, end, readRange(pathOf))),
    remove: readers.remove,
  }
}

/** Files up to this size are read at once: opening a stream costs more than reading them. */
const READ_AT_ONCE = 256 * 1024

/** Chunks are gathered to this many bytes: one write for a small object, few for a large one. */
const WRITE_AT_ONCE = 256 * 1024

const hexByte = (value: number) => value.toString(16).padStart(2, '0')

async function removeUnreferenced(folder: string, isReferenced: (body: string) => boolean): Promise<void> {
  for (let first = 0; first < 256; first++) {
    const below = join(folder, hexByte(first))
    for (const body of await readdir(below)) {
      if (!isReferenced(body)) await rm(join(below, body))
    }
  }
}

async function* gather(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = []
  let size = 0
  for await (const chunk of source) {
    chunks.push(chunk)
    size += chunk.length
    if (size < WRITE_AT_ONCE) continue
    yield chunks.length === 1 ? chunk : Buffer.concat(chunks)
    chunks = []
    size = 0
  }
  if (size > 0) yield Buffer.concat(chunks)
}

function readRange(pathOf: (body: string) => string): ReadRange {
  return async function* (body, from, until) {
    const fromStart = from === 0 && until <= READ_AT_ONCE
    if (fromStart) yield (await readFile(pathOf(body))).subarray(0, until)
    else yield* createReadStream(pathOf(body), { start: from, end: until - 1, highWaterMark: READ_AT_ONCE })
  }
}
