/** A range of a stored body, in bytes; an object is a list of them. */
export type Segment = { body: string; start: number; size: number }

/** Holds the bytes of objects. A body is written once, as a whole, and never changed. */
export type BodyStore = {
  /** Stores the bytes and returns the name of the body. If the source fails, nothing is kept. */
  write(source: AsyncIterable<Buffer>): Promise<string>
  /** The bytes of the segments from `start` (inclusive) to `end` (exclusive). The bodies stay readable until the iteration ends. */
  read(segments: Segment[], start: number, end: number): AsyncGenerator<Buffer>
  /** Removes a body as soon as nobody reads it any more. */
  remove(body: string): Promise<void>
}

/** Reads one body from `from` (inclusive) to `until` (exclusive). */
export type ReadRange = (body: string, from: number, until: number) => AsyncIterable<Buffer>

/** The bytes of the segments from `start` (inclusive) to `end` (exclusive). */
export async function* readSegments(segments: Segment[], start: number, end: number, read: ReadRange): AsyncGenerator<Buffer> {
  let position = 0
  for (const segment of segments) {
    const from = Math.max(start - position, 0)
    const until = Math.min(end - position, segment.size)
    position += segment.size
    if (from < until) yield* read(segment.body, segment.start + from, segment.start + until)
  }
}
