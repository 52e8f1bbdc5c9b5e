import type { CatalogedVersion, ListedVersion } from '../s3/list-versions.ts'
import type { KeyPair } from './pairs.ts'

/** What a version of the catalog can have wrong. */
export type DriftKind = 'missing' | 'orphaned' | 'stale' | 'wrongLatest' | 'wrongMetadata'

/**
 * One difference between the bucket and the catalog, about one version. It is drift for certain, or S3 must be asked whether the
 * version is still there, or it must be waited for: an event of a change meanwhile may be on its way.
 */
export type Difference = { kind: DriftKind; versionId: string; trust: 'certain' | 'ask' | 'wait' }

/** How long uploads in parts take at most, in seconds: a week, after which AWS recommends that lifecycle ends them. */
const LONGEST_UPLOAD = 7 * 24 * 3600

/** The differences of one key. Changes of the last `graceSeconds` before the catalog was read may have their event on its way. */
export function differencesOf(pair: KeyPair, graceSeconds: number): Difference[] {
  const { listed, cataloged } = pair
  const trust = graceSeconds > 0 ? 'wait' : 'certain'
  const inCatalog = new Map(cataloged?.versions.map(version => [version.versionId, version]))
  const inBucket = new Set(listed?.versions.map(({ versionId }) => versionId))
  const found: Difference[] = []
  for (const version of listed?.versions ?? []) {
    const { versionId } = version
    const known = inCatalog.get(versionId)
    if (!known) found.push({ kind: 'missing', versionId, trust: trustMissing(pair, version, graceSeconds) })
    else if (isStale(version, known)) found.push({ kind: 'stale', versionId, trust })
    else if (version.isLatest && !known.isLatest) found.push({ kind: 'wrongLatest', versionId, trust })
  }
  for (const { versionId } of cataloged?.versions ?? []) {
    if (!inBucket.has(versionId)) found.push({ kind: 'orphaned', versionId, trust })
  }
  return found
}

function isStale(version: ListedVersion, known: CatalogedVersion): boolean {
  return (
    !known.isVerified ||
    version.isDeleteMarker !== known.isDeleteMarker ||
    version.size !== known.size ||
    version.etag !== known.etag ||
    version.storageClass !== known.storageClass ||
    version.lastModified !== known.lastModified
  )
}

/** A listing's times are cut to the second, so that a version is up to so many seconds younger than it says. */
const CUT_OFF = 1

/**
 * A version written long before the catalog was read is missing there, if it was still in the bucket later. One made of parts
 * carries the time its upload was started, so that alone says nothing about when it was completed.
 */
function trustMissing({ listedAt, catalogedAt }: KeyPair, { lastModified, etag }: ListedVersion, graceSeconds: number) {
  if (graceSeconds === 0) return 'certain'
  const age = Date.parse(catalogedAt) / 1000 - lastModified
  if (age < graceSeconds + CUT_OFF + (etag?.includes('-') ? LONGEST_UPLOAD : 0)) return 'wait'
  return catalogedAt <= listedAt ? 'certain' : 'ask'
}
