import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../shared/clock.ts'

/** A clock on which time passes in sleeps only, and at once. */
export function skippingClock(): Clock {
  let now = 0
  return {
    now: () => now,
    async sleep(milliseconds) {
      const end = now + milliseconds
      await setImmediate()
      now = Math.max(now, end)
    },
  }
}
