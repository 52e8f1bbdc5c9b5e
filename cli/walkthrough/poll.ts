import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { ApiError } from '../connect/get-json.ts'
import { CliError } from '../terminal/cli-error.ts'

/** How long the catalog may take to follow the bucket. */
const POLL_TIMEOUT_MS = 30_000

/**
 * Repeats a request until `findProblem` returns undefined for the response, and returns that response. Status 404 counts as a problem.
 * Throws CliError with the last problem after `timeoutMs`.
 */
export async function pollUntil<T>(
  request: () => Promise<T>,
  findProblem: (response: T) => string | undefined,
  timeoutMs = POLL_TIMEOUT_MS,
): Promise<T> {
  const end = performance.now() + timeoutMs
  for (let pause = 25; ; pause = Math.min(500, pause * 1.5)) {
    const result = await attempt(request, findProblem)
    if ('response' in result) return result.response
    if (performance.now() > end) throw new CliError(`${result.problem}, after ${timeoutMs / 1000} s`)
    await sleep(pause)
  }
}

async function attempt<T>(
  request: () => Promise<T>,
  findProblem: (response: T) => string | undefined,
): Promise<{ response: T } | { problem: string }> {
  try {
    const response = await request()
    const problem = findProblem(response)
    return problem === undefined ? { response } : { problem }
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return { problem: error.message }
    throw error
  }
}

/** Throws CliError unless the two are deeply equal; the order of fields does not matter. */
export function assertEqual(what: string, actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected))
    throw new CliError(`${what} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`)
}
