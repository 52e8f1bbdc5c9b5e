import { type S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import { type Clock, systemClock } from '../clock.ts'

/** Retries of a request after those of the SDK, and the first and longest wait before one, in milliseconds: minutes in total. */
const RETRIES = { max: 10, firstMs: 200, longestMs: 20_000 }

/** While S3 returns SlowDown, the interval between requests grows up to this factor; then it shrinks again. */
const MAX_SLOWDOWN = 32

/** The limit of a client, and where its time and its chance come from. */
export type Pacing = { requestsPerSecond: number; onRequest: () => void; clock?: Clock; random?: () => number }

/**
 * Returns the client limited to a number of requests per second, retries included, and to fewer while S3 returns SlowDown. Transient errors
 * (5xx, 429, a broken connection) are retried for minutes. `onRequest` is called for each request; `random` spreads retries.
 */
export function pacedClient(
  s3: S3Client,
  { requestsPerSecond, onRequest, clock = systemClock, random = Math.random }: Pacing,
): S3Client {
  const pace = startPace(requestsPerSecond, clock)
  const middlewareStack = s3.middlewareStack.clone()
  middlewareStack.add(next => args => withRetries(() => next(args), { clock, random }), { step: 'initialize', name: 'retries' })
  middlewareStack.add(
    next => async args => {
      await pace.turn()
      onRequest()
      try {
        const response = await next(args)
        pace.onResponse(false)
        return response
      } catch (error) {
        pace.onResponse(isSlowDown(error))
        throw error
      }
    },
    // After the SDK's own retries, so that each of them waits for its turn.
    { step: 'finalizeRequest', priority: 'low', name: 'pace' },
  )
  return Object.create(s3, { middlewareStack: { value: middlewareStack } })
}

function startPace(requestsPerSecond: number, clock: Clock) {
  let next = 0
  let slowdown = 1
  return {
    async turn() {
      const now = clock.now()
      const at = Math.max(now, next)
      next = at + (1000 * slowdown) / requestsPerSecond
      // Timers have a resolution of a millisecond or two; shorter waits are skipped.
      if (at - now > 2) await clock.sleep(at - now)
    },
    onResponse(isSlowDown: boolean) {
      slowdown = isSlowDown ? Math.min(MAX_SLOWDOWN, slowdown * 1.5) : Math.max(1, slowdown * 0.98)
    },
  }
}

type Chance = { clock: Clock; random: () => number }

async function withRetries<T>(send: () => Promise<T>, { clock, random }: Chance): Promise<T> {
  for (let retries = 0; ; retries++) {
    try {
      return await send()
    } catch (error) {
      if (retries === RETRIES.max || !isTransient(error)) throw error
      // Full jitter, so that requests that failed together are not retried together.
      await clock.sleep(random() * Math.min(RETRIES.longestMs, RETRIES.firstMs * 2 ** retries))
    }
  }
}

function isSlowDown(error: unknown): boolean {
  return error instanceof S3ServiceException && [429, 503].includes(error.$metadata.httpStatusCode ?? 0)
}

/** Whether a request failed for a reason that has nothing to do with it. A status below 500 is S3's response, unless the body was cut off; an error without a status is the network's if it has a code. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { httpStatusCode = 0 } = '$metadata' in error ? (error.$metadata as { httpStatusCode?: number }) : {}
  if (httpStatusCode >= 500 || httpStatusCode === 429) return true
  const isCut = httpStatusCode === 200 && !(error instanceof S3ServiceException)
  return isCut || error.name === 'TimeoutError' || ('code' in error && /^E[A-Z]+$/.test(String(error.code)))
}
