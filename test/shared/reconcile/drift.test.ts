import { expect, test } from 'vitest'
import type { ListedVersion } from '../../../shared/listing.ts'
import { differencesOf } from '../../../shared/reconcile/drift.ts'

const WRITTEN = Date.parse('2026-01-01T00:00:00Z') / 1000

/** How far a version of the bucket is believed to be missing from a catalog that was read so many seconds after the second it was written in. */
function trustAfter(
  seconds: number,
  {
    etag = '"e"',
    graceSeconds = 60,
    isListedBefore = false,
  }: { etag?: string; graceSeconds?: number; isListedBefore?: boolean } = {},
) {
  const version: ListedVersion = {
    versionId: 'v',
    isLatest: true,
    isDeleteMarker: false,
    size: 1,
    etag,
    storageClass: 'STANDARD',
    lastModified: WRITTEN,
  }
  const time = (ms: number) => new Date(ms).toISOString().replace('Z', '000Z')
  const catalogedAt = (WRITTEN + seconds) * 1000
  const listedAt = catalogedAt + (isListedBefore ? -1 : 1)
  const listed = { key: 'k', asOf: time(listedAt), versions: [version] }
  const pair = { key: 'k', listed, listedAt: time(listedAt), catalogedAt: time(catalogedAt) }
  const [difference] = differencesOf(pair, graceSeconds)
  expect(difference).toMatchObject({ kind: 'missing', versionId: 'v' })
  return difference?.trust
}

test('a version is missing when its grace period is over at the end of the second it was written in', () => {
  expect(trustAfter(60)).toBe('wait')
  expect(trustAfter(60.999)).toBe('wait')
  expect(trustAfter(61)).toBe('certain')
})

test('a multipart version may have been completed a week after its time', () => {
  const week = 7 * 24 * 3600
  expect(trustAfter(week + 60.999, { etag: '"e-2"' })).toBe('wait')
  expect(trustAfter(week + 61, { etag: '"e-2"' })).toBe('certain')
})

test('a version that was listed before the catalog was read may have been deleted meanwhile', () => {
  expect(trustAfter(61, { isListedBefore: true })).toBe('ask')
})

test('without a grace period nothing waits', () => {
  expect(trustAfter(0, { graceSeconds: 0, isListedBefore: true })).toBe('certain')
})
