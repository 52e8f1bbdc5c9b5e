import { setTimeout as sleep } from 'node:timers/promises'

/** A task that runs repeatedly. `close` aborts the signal of the current run and waits for it to end. */
export type Schedule = { close(): Promise<void> }

/** Runs a task now, and then each time `everyMs` after the last run ended. A failed run is reported to `onError`; the schedule continues. */
export function schedule(
  everyMs: number,
  task: (stop: AbortSignal) => Promise<unknown>,
  onError: (error: unknown) => void,
): Schedule {
  const stop = new AbortController()
  const loop = async () => {
    while (!stop.signal.aborted) {
      await task(stop.signal).catch(onError)
      await sleep(everyMs, undefined, { signal: stop.signal, ref: false }).catch(() => stop.signal.aborted)
    }
  }
  const running = loop()
  return {
    async close() {
      stop.abort()
      await running
    },
  }
}
