import { setTimeout } from 'node:timers/promises'

/** The time of code that waits: `now` in milliseconds since a fixed moment, `sleep` for milliseconds. A test brings its own. */
export type Clock = { now(): number; sleep(milliseconds: number): Promise<void> }

/** Is not set back when the time of day is corrected. */
export const systemClock: Clock = { now: () => performance.now(), sleep: milliseconds => setTimeout(milliseconds) }
