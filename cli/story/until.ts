import { setTimeout as sleep } from 'node:timers/promises'
import { Refusal } from '../connect/ask.ts'
import { Failure } from '../terminal/failure.ts'

/** How long the catalog may take to follow the bucket, in milliseconds. */
const PATIENCE_MS = 30_000

/**
 * Asks again and again until `wrong` finds nothing wrong with the answer, and answers it. `wrong` says in words what is; "not found" counts as such a
 * word. Throws Failure with the last of them after half a minute.
 */
export async function until<T>(ask: () => Promise<T>, wrong: (answer: T) => string | undefined): Promise<T> {
  const end = performance.now() + PATIENCE_MS
  for (let pause = 25; ; pause = Math.min(500, pause * 1.5)) {
    const { answer, reason } = await attempt(ask, wrong)
    if (reason === undefined) return answer as T
    if (performance.now() > end) throw new Failure(`${reason}, after ${PATIENCE_MS / 1000} s`)
    await sleep(pause)
  }
}

async function attempt<T>(
  ask: () => Promise<T>,
  wrong: (answer: T) => string | undefined,
): Promise<{ answer?: T; reason?: string }> {
  try {
    const answer = await ask()
    return { answer, reason: wrong(answer) }
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return { reason: error.message }
    throw error
  }
}

/** Throws Failure unless what was seen is what was expected. */
export function expect(what: string, seen: unknown, expected: unknown): void {
  const [text, wanted] = [JSON.stringify(seen), JSON.stringify(expected)]
  if (text !== wanted) throw new Failure(`${what} is ${text}, not ${wanted}`)
}
