/** A signal that is aborted when the process is asked to stop. `release` gives the signals back to Node. */
export type StopSignal = { signal: AbortSignal; release(): void }

/** Repeats within this time are the same Ctrl-C: a terminal, npx and a shell each pass it on. */
const REPEAT_MS = 1000

/** Asks for a clean stop at the first Ctrl-C (or SIGTERM, SIGHUP), calling `onStop`; a later second one ends the process at once. */
export function onStopSignal(onStop: () => void): StopSignal {
  const controller = new AbortController()
  let first: number | undefined
  const stop = () => {
    if (first !== undefined && performance.now() - first > REPEAT_MS) process.exit(130)
    if (first !== undefined) return
    first = performance.now()
    onStop()
    controller.abort()
  }
  for (const name of STOP_SIGNALS) process.on(name, stop)
  return {
    signal: controller.signal,
    release() {
      for (const name of STOP_SIGNALS) process.off(name, stop)
    },
  }
}

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
