import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError } from '../connect/get-json.ts'
import { CliError } from '../terminal/cli-error.ts'

/** How long the catalog may take to follow the bucket, in milliseconds. */
const POLL_TIMEOUT_MS = 30_000

/**
 * Asks again and again until `wrong` finds nothing wrong with the answer, and answers it. `wrong` says in words what is; "not found" counts as such a
 * word. Throws CliError with the last of them after half a minute.
 */
export async function pollUntil<T>(ask: () => Promise<T>, findProblem: (answer: T) => string | undefined): Promise<T> {
  const end = performance.now() + POLL_TIMEOUT_MS
  for (let pause = 25; ; pause = Math.min(500, pause * 1.5)) {
    const { answer, reason } = await attempt(ask, findProblem)
    if (reason === undefined) return answer as T
    if (performance.now() > end) throw new CliError(`${reason}, after ${POLL_TIMEOUT_MS / 1000} s`)
    await sleep(pause)
  }
}

async function attempt<T>(
  ask: () => Promise<T>,
  findProblem: (answer: T) => string | undefined,
): Promise<{ answer?: T; reason?: string }> {
  try {
    const answer = await ask()
    return { answer, reason: findProblem(answer) }
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return { reason: error.message }
    throw error
  }
}

/** Throws CliError unless what was seen is what was expected. */
export function assertEqual(what: string, seen: unknown, expected: unknown): void {
  const [text, wanted] = [JSON.stringify(seen), JSON.stringify(expected)]
  if (text !== wanted) throw new CliError(`${what} is ${text}, not ${wanted}`)
}
