/** The median, the upper one of two; NaN of none. */
export function median(samples: number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1] ?? Number.NaN
}

/** Rounds to three significant digits; runs do not repeat more exactly. */
export function round(figure: number): number {
  return Number(figure.toPrecision(3))
}

/** Runs an action and returns its result and its milliseconds. */
export async function timed<T>(action: () => PromiseLike<T>): Promise<{ result: T; ms: number }> {
  const start = performance.now()
  const result = await action()
  return { result, ms: performance.now() - start }
}

/** Runs an action several times and returns the rounded median and 99th percentile of its milliseconds. */
export async function percentiles(runs: number, action: () => PromiseLike<unknown>): Promise<{ p50: number; p99: number }> {
  const samples: number[] = []
  for (let run = 0; run < runs; run++) samples.push((await timed(action)).ms)
  samples.sort((a, b) => a - b)
  const at = (share: number) => round(samples[Math.min(samples.length - 1, Math.floor(samples.length * share))] ?? 0)
  return { p50: at(0.5), p99: at(0.99) }
}
