/**
 * Does work on what a source yields, `width` at once, taking the next only when there is room: nothing is piled up. Ends early when `signal`
 * is aborted; throws what the source or the work throws.
 */
export async function inParallel<T>(
  source: AsyncGenerator<T>,
  width: number,
  signal: AbortSignal,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const worker = async () => {
    while (!signal.aborted) {
      const { done, value } = await source.next()
      if (done) return
      await work(value)
    }
  }
  const results = await Promise.allSettled(Array.from({ length: width }, worker))
  const failure = results.find(result => result.status === 'rejected')
  if (failure) throw failure.reason
  await source.return(undefined)
}

/** Lets at most `width` pieces of work run at once; the others wait for their turn. */
export function gate(width: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let running = 0
  return async work => {
    if (running >= width) await new Promise<void>(resolve => waiting.push(resolve))
    else running++
    try {
      return await work()
    } finally {
      // The turn is handed on, so that nobody takes it in between.
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
