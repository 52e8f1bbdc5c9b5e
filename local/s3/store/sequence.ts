/** Sequence numbers per millisecond; times until the year 2039 stay within 53 bits. */
const PER_MS = 4096

/** Sequence numbers per second. */
export const SEQUENCES_PER_SECOND = 1000 * PER_MS

/**
 * Returns the next sequence number at each call: ms since 1970 times 4,096, plus one for each further call within the same
 * millisecond. Always above `last` and above the previous one, even if the clock goes back.
 */
export function startSequence(clock: () => number, last: number): () => number {
  let previous = last
  return () => {
    previous = Math.max(previous + 1, Math.floor(clock()) * PER_MS)
    return previous
  }
}

/** The first sequence number of the UTC day of that time. The documented lifecycle event carries it. */
export function midnightSequence(ms: number): number {
  return Math.floor(ms / 86_400_000) * 86_400_000 * PER_MS
}
