import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** A stretch of a stored body, in bytes; an object is a list of them. */
export type Segment = { body: string; start: number; size: number }

/** Where the bytes of objects are. A body is written once, whole, and never changed. */
export type Bodies = {
  /** Stores the bytes and returns the body's name; when the source fails nothing stays behind. */
  write(source: AsyncIterable<Buffer>): Promise<string>
  /** The bytes from `start` to before `end` of the segments; the bodies stay readable until the iteration ends. */
  read(segments: Segment[], start: number, end: number): AsyncGenerator<Buffer>
  /** Removes a body once nobody reads it any more. */
  remove(body: string): Promise<void>
}

/** Bodies as files below a folder, synced to the disk before they count; at start what is not referenced is swept away. */
export async function openBodies(folder: string, isReferenced: (body: string) => boolean): Promise<Bodies> {
  const temporary = join(folder, 'incoming')
  const pathOf = (body: string) => join(folder, body.slice(0, 2), body)
  await rm(temporary, { recursive: true, force: true })
  await mkdir(temporary, { recursive: true })
  for (let first = 0; first < 256; first++) await mkdir(join(folder, hexByte(first)), { recursive: true })
  await sweep(folder, isReferenced)
  const pins = pinning(body => rm(pathOf(body), { force: true }))

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
    read: (segments, start, end) => pins.during(segments, () => stretches(segments, start, end, readStretch(pathOf))),
    remove: pins.remove,
  }
}

/** Bodies in memory, for tests. */
export function memoryBodies(): Bodies {
  const bodies = new Map<string, Buffer>()
  const pins = pinning(async body => void bodies.delete(body))
  return {
    async write(source) {
      const body = randomBytes(16).toString('hex')
      const chunks: Buffer[] = []
      for await (const chunk of source) chunks.push(chunk)
      bodies.set(body, Buffer.concat(chunks))
      return body
    },
    read: (segments, start, end) =>
      pins.during(segments, () =>
        stretches(segments, start, end, async function* (body, from, until) {
          yield bodies.get(body)!.subarray(from, until)
        }),
      ),
    remove: pins.remove,
  }
}

type ReadStretch = (body: string, from: number, until: number) => AsyncIterable<Buffer>

/** Small stretches are read at once: opening a stream costs more than the reading. */
const READ_AT_ONCE = 256 * 1024

/** Chunks are gathered to this many bytes: one write for a small object, few for a large one. */
const WRITE_AT_ONCE = 256 * 1024

const hexByte = (value: number) => value.toString(16).padStart(2, '0')

async function sweep(folder: string, isReferenced: (body: string) => boolean): Promise<void> {
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

async function* stretches(segments: Segment[], start: number, end: number, read: ReadStretch): AsyncGenerator<Buffer> {
  let position = 0
  for (const segment of segments) {
    const from = Math.max(start - position, 0)
    const until = Math.min(end - position, segment.size)
    position += segment.size
    if (from < until) yield* read(segment.body, segment.start + from, segment.start + until)
  }
}

function readStretch(pathOf: (body: string) => string): ReadStretch {
  return async function* (body, from, until) {
    const wholeFile = from === 0 && until <= READ_AT_ONCE
    if (wholeFile) yield (await readFile(pathOf(body))).subarray(0, until)
    else yield* createReadStream(pathOf(body), { start: from, end: until - 1, highWaterMark: READ_AT_ONCE })
  }
}

// A version may be deleted while it is being read: its bodies go when the last reader is done.
function pinning(removeNow: (body: string) => Promise<void>) {
  const readers = new Map<string, number>()
  const doomed = new Set<string>()

  const unpin = async (body: string) => {
    const left = readers.get(body)! - 1
    if (left > 0) return void readers.set(body, left)
    readers.delete(body)
    if (doomed.delete(body)) await removeNow(body)
  }

  return {
    during(segments: Segment[], read: () => AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
      const bodies = new Set(segments.map(segment => segment.body))
      for (const body of bodies) readers.set(body, (readers.get(body) ?? 0) + 1)
      return (async function* () {
        try {
          yield* read()
        } finally {
          for (const body of bodies) await unpin(body)
        }
      })()
    },
    async remove(body: string): Promise<void> {
      if (readers.has(body)) doomed.add(body)
      else await removeNow(body)
    },
  }
}
