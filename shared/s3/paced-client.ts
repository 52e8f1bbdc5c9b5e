import { setTimeout as sleep } from 'node:timers/promises'
import { type S3Client, S3ServiceException } from '@aws-sdk/client-s3'

/** How often a request is tried again after the SDK has given up, and the longest wait before, in milliseconds: minutes in all. */
const RETRIES = { tries: 10, firstMs: 200, longestMs: 20_000 }

/** While S3 answers SlowDown the distance of requests grows up to so many times, then shrinks again. */
const SLOWEST = 32

/**
 * The same client with at most so many requests a second, repeated ones included; fewer while S3 asks for that. Answers that fail for
 * a passing reason (5xx, 429, a broken connection) are asked for again for minutes. `onRequest` is called for each request.
 */
export function pacedClient(
  s3: S3Client,
  { requestsPerSecond, onRequest }: { requestsPerSecond: number; onRequest: () => void },
): S3Client {
  const pace = startPace(requestsPerSecond)
  const middlewareStack = s3.middlewareStack.clone()
  middlewareStack.add(next => args => withRetries(() => next(args)), { step: 'initialize', name: 'patience' })
  middlewareStack.add(
    next => async args => {
      await pace.turn()
      onRequest()
      try {
        const answer = await next(args)
        pace.onAnswer(false)
        return answer
      } catch (error) {
        pace.onAnswer(isSlowDown(error))
        throw error
      }
    },
    // Behind the SDK's own retries, so that each of them takes its turn.
    { step: 'finalizeRequest', priority: 'low', name: 'pace' },
  )
  return Object.create(s3, { middlewareStack: { value: middlewareStack } })
}

function startPace(requestsPerSecond: number) {
  let next = 0
  let slowness = 1
  return {
    async turn() {
      const now = performance.now()
      const at = Math.max(now, next)
      next = at + (1000 * slowness) / requestsPerSecond
      // Timers are no finer than a millisecond or two; what is due sooner goes at once.
      if (at - now > 2) await sleep(at - now)
    },
    onAnswer(isSlowDown: boolean) {
      slowness = isSlowDown ? Math.min(SLOWEST, slowness * 1.5) : Math.max(1, slowness * 0.98)
    },
  }
}

async function withRetries<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await ask()
    } catch (error) {
      if (tries === RETRIES.tries || !isTransient(error)) throw error
      // Full jitter, so that those who failed together don't come back together.
      await sleep(Math.random() * Math.min(RETRIES.longestMs, RETRIES.firstMs * 2 ** tries))
    }
  }
}

function isSlowDown(error: unknown): boolean {
  return error instanceof S3ServiceException && [429, 503].includes(error.$metadata.httpStatusCode ?? 0)
}

/** An HTTP status below 500 is S3's answer, unless it broke off; an error without one is the network's if it has a code. */
function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { httpStatusCode = 0 } = '$metadata' in error ? (error.$metadata as { httpStatusCode?: number }) : {}
  if (httpStatusCode >= 500 || httpStatusCode === 429) return true
  const isCut = httpStatusCode === 200 && !(error instanceof S3ServiceException)
  return isCut || error.name === 'TimeoutError' || ('code' in error && /^E[A-Z]+$/.test(String(error.code)))
}
