import { describe, expect, test } from 'vitest'
import { Invalid } from '../../../shared/errors.ts'
import { longestAge, versionsToAsk } from '../../../shared/reconcile/ask-again.ts'
import type { KeyPair } from '../../../shared/reconcile/pairs.ts'
import { refreshPeriod } from '../../../shared/refresh-period.ts'
import { fc } from '../../support/random.ts'

const DAY = 24 * 3600
const PERIOD = refreshPeriod({ days: 30, hoursBetweenRuns: 24 })

describe('runs of a schedule ask about the versions of a backfill', () => {
  const days = simulate(
    5000,
    Array.from({ length: 90 }, (_, n) => n + 1),
  )

  test('evenly: about as many in each run, not all of them at once a period later', () => {
    const perRun = 5000 / (PERIOD / 24)
    for (const { asked } of days) expect(Math.abs(asked - perRun)).toBeLessThan(perRun / 3)
  })

  test('each within the days of the stage', () => {
    expect(Math.max(...days.map(({ oldest }) => oldest))).toBeLessThanOrEqual(30 * DAY)
    expect(Math.max(...days.map(({ oldest }) => oldest))).toBeGreaterThan(28 * DAY)
  })
})

test('however irregular the runs are, no version gets older than the period and the longest time between two runs', () => {
  const gaps = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 5, maxLength: 30 })
  const property = fc.property(gaps, gaps => {
    let at = 0
    const runs = gaps.map(gap => (at += gap))
    const oldest = Math.max(...simulate(20, runs).map(run => run.oldest))
    expect(oldest).toBeLessThanOrEqual(PERIOD * 3600 + Math.max(...gaps) * DAY)
  })
  fc.assert(property, { numRuns: 50 })
})

test('a period of no hours asks about every version in every run', () => {
  expect(versionsToAsk(pairOf('k', 0, 1), [], { refreshHours: 0, sampleRate: 0, random: () => 1 })).toHaveLength(1)
})

test('delete markers, versions that differ and versions of one side only are not asked about again', () => {
  const pair = pairOf('k', 0, 100 * DAY)
  const asking = { refreshHours: 1, sampleRate: 1, random: () => 0 }
  expect(versionsToAsk(pair, [{ kind: 'stale', versionId: 'v', trust: 'certain' }], asking)).toEqual([])
  expect(versionsToAsk({ ...pair, listed: undefined }, [], asking)).toEqual([])
  expect(versionsToAsk({ ...pair, cataloged: undefined }, [], asking)).toEqual([])
  pair.cataloged!.versions[0]!.isDeleteMarker = true
  expect(versionsToAsk(pair, [], asking)).toEqual([])
  expect(longestAge(pair)).toBe(0)
})

test('runs that are too rare for the days of a stage are refused', () => {
  expect(refreshPeriod({ days: 30, hoursBetweenRuns: 96 })).toBe(26 * 24 - 6)
  expect(() => refreshPeriod({ days: 4, hoursBetweenRuns: 96 })).toThrow(Invalid)
})

/** Runs at these days, of a bucket that was backfilled at day 0: how many versions each run asked about, and the longest age that it read. */
function simulate(versions: number, runs: number[]): { asked: number; oldest: number }[] {
  const observed = Array.from({ length: versions }, () => 0)
  return runs.map(day => {
    const pairs = observed.map((at, n) => pairOf(`key ${n}`, at, day * DAY))
    const oldest = Math.max(...pairs.map(longestAge))
    const due = pairs.map(pair => versionsToAsk(pair, [], { refreshHours: PERIOD, sampleRate: 0, random: () => 1 }).length > 0)
    for (const [n, isDue] of due.entries()) if (isDue) observed[n] = day * DAY
    return { asked: due.filter(Boolean).length, oldest }
  })
}

/** A version on both sides that S3 was asked about at `observedAt` and that is read at `now`, in seconds. */
function pairOf(key: string, observedAt: number, now: number): KeyPair {
  const asOf = new Date(now * 1000).toISOString()
  const version = {
    versionId: 'v',
    isLatest: true,
    isDeleteMarker: false,
    size: 1,
    etag: 'e',
    storageClass: 'STANDARD',
    lastModified: 0,
  }
  return {
    key,
    listed: { key, asOf, versions: [version] },
    cataloged: { key, asOf, versions: [{ ...version, observedAt }] },
    listedAt: asOf,
    catalogedAt: asOf,
  }
}
