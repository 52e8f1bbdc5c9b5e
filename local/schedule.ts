import { setTimeout as sleep } from 'node:timers/promises'

/** A task that runs again and again; `close` aborts the signal that the run under way was given, and waits for its end. */
export type Schedule = { close(): Promise<void> }

/** Runs a task at once and then each time `everyMs` after the last run ended, as an EventBridge rule would. A failed run is told and does not end it. */
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
