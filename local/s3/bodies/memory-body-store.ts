import { randomBytes } from 'node:crypto'
import { type BodyStore, readSegments } from './body-store.ts'
import { countReaders } from './readers.ts'

/** Bodies in memory, for tests. */
export function memoryBodyStore(): BodyStore {
  const bodies = new Map<string, Buffer>()
  const readers = countReaders(async body => void bodies.delete(body))
  const readRange = async function* (body: string, from: number, until: number) {
    yield bodies.get(body)!.subarray(from, until)
  }
  return {
    async write(source) {
      const body = randomBytes(16).toString('hex')
      const chunks: Buffer[] = []
      for await (const chunk of source) chunks.push(chunk)
      bodies.set(body, Buffer.concat(chunks))
      return body
    },
    read: (segments, start, end) => readers.during(segments, () => readSegments(segments, start, end, readRange)),
    remove: readers.remove,
  }
}
