import fc from 'fast-check'
import { onTestFailed } from 'vitest'

/** The seed of everything that tests choose at random. CATALOG_SEED tries another one. */
const SEED = Number(process.env.CATALOG_SEED ?? 1)

// A property that fails prints its seed itself.
fc.configureGlobal({ seed: SEED })

/** fast-check with the fixed seed; import it from here only. */
export { fc }

/** Random numbers in [0, 1), the same in every run. When the test that asks for them fails, it prints their seed. */
export function randomNumbers(): () => number {
  onTestFailed(() => console.error(`The random numbers of this test come from CATALOG_SEED=${SEED}`))
  return randomNumbersFrom(SEED)
}

/** The elements in a random order. */
export function shuffle<T>(elements: T[], random: () => number): T[] {
  return elements
    .map(element => ({ element, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ element }) => element)
}

/** Mulberry32: the same numbers from the same seed, in [0, 1). */
export function randomNumbersFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
