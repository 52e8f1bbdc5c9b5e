import type { Segment } from './body-store.ts'

/**
 * Counts the readers of each body: a version may be deleted while it is read, and then its bodies are removed after the last
 * reader has finished.
 */
export function countReaders(removeNow: (body: string) => Promise<void>) {
  const readers = new Map<string, number>()
  const removeLater = new Set<string>()

  const finish = async (body: string) => {
    const left = readers.get(body)! - 1
    if (left > 0) return void readers.set(body, left)
    readers.delete(body)
    if (removeLater.delete(body)) await removeNow(body)
  }

  return {
    /** Reads with the bodies of these segments kept until the iteration ends. */
    during(segments: Segment[], read: () => AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
      const bodies = new Set(segments.map(segment => segment.body))
      for (const body of bodies) readers.set(body, (readers.get(body) ?? 0) + 1)
      return (async function* () {
        try {
          yield* read()
        } finally {
          for (const body of bodies) await finish(body)
        }
      })()
    },
    async remove(body: string): Promise<void> {
      if (readers.has(body)) removeLater.add(body)
      else await removeNow(body)
    },
  }
}
