import { type Clock, systemClock } from '../shared/clock.ts'

/** A log that counts repetitions. `close` prints the counts that are left. */
export type RepeatedLines = {
  /** Logs a line. Lines with the same `reason` (by default the line itself) are the same. */
  log(line: string, reason?: string): void
  close(): void
}

/** How long a line is not repeated, in milliseconds. */
const QUIET_MS = 60_000

type Printed = { at: number; line: string; repeated: number }

/**
 * Prints a line at once, and the same line again at most once a minute, with the number of times it was logged meanwhile: what fails for
 * each of a thousand events would otherwise hide everything else.
 */
export function countRepeats(print: (line: string) => void, clock: Pick<Clock, 'now'> = systemClock): RepeatedLines {
  const printed = new Map<string, Printed>()
  const printRest = (isDue: (at: number) => boolean) => {
    for (const [reason, { at, line, repeated }] of printed) {
      if (!isDue(at)) continue
      printed.delete(reason)
      if (repeated > 0) print(withCount(line, repeated))
    }
  }
  return {
    log(line, reason = line) {
      const now = clock.now()
      const before = printed.get(reason)
      if (before && now - before.at < QUIET_MS) {
        Object.assign(before, { line, repeated: before.repeated + 1 })
        return
      }
      printed.set(reason, { at: now, line, repeated: 0 })
      print(before ? withCount(line, before.repeated + 1) : line)
      printRest(at => now - at >= QUIET_MS)
    },
    close: () => printRest(() => true),
  }
}

function withCount(line: string, times: number): string {
  return times === 1 ? line : `${line} (${times} times since it was last printed)`
}
