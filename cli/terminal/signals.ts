/** An AbortSignal for the process's stop signals. `release` removes the handlers. */
export type StopSignal = { signal: AbortSignal; release(): void }

/** Signals within this time are the same Ctrl-C, passed on by the terminal, npx and a shell. */
const REPEAT_MS = 1000

/** The first Ctrl-C (or SIGTERM, SIGHUP) calls `onStop` and aborts the signal; a second one ends the process at once. */
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
