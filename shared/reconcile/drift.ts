import { type CatalogedVersion, differsFromListing } from '../catalog/list-all-versions.ts'
import type { Observation } from '../catalog/observations.ts'
import type { ListedVersion } from '../listing.ts'
import type { DriftKind } from '../names.ts'
import type { KeyPair } from './pairs.ts'

/**
 * One difference between the bucket and the catalog, about one version. `certain`: it is drift. `ask`: S3 must be asked whether the version
 * still exists. `wait`: the event of a recent change may be on its way, so compare again later.
 */
export type Difference = { kind: DriftKind; versionId: string; trust: 'certain' | 'ask' | 'wait' }

/** The longest multipart upload expected, in seconds: a week, after which AWS recommends that a lifecycle rule aborts it. */
const LONGEST_UPLOAD = 7 * 24 * 3600

/** Returns the differences of one key. The events of changes in the last `graceSeconds` before the catalog was read may be on their way. */
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
    else if (differsFromListing(version, known)) found.push({ kind: 'stale', versionId, trust })
    else if (version.isLatest && !known.isLatest) found.push({ kind: 'wrongLatest', versionId, trust })
  }
  for (const { versionId } of cataloged?.versions ?? []) {
    if (!inBucket.has(versionId)) found.push({ kind: 'orphaned', versionId, trust })
  }
  return found
}

/** Whether S3 returned of a version what the catalog has of it, as far as listings show. */
export function isAsCataloged({ state, size, etag, storageClass, lastModified }: Observation, known: CatalogedVersion): boolean {
  if (state === 'gone' || lastModified === undefined) return false
  const isDeleteMarker = state === 'marker'
  const ofData = isDeleteMarker ? NOTHING : { size: size ?? 0, etag: etag ?? null, storageClass: storageClass ?? 'STANDARD' }
  const { versionId, isLatest } = known
  const seconds = Math.floor(lastModified.getTime() / 1000)
  return !differsFromListing({ versionId, isLatest, isDeleteMarker, ...ofData, lastModified: seconds }, known)
}

const NOTHING = { size: null, etag: null, storageClass: null }

/** Times of a listing are truncated to the second, so a version may be up to this many seconds younger than listed. */
const TRUNCATION = 1

/**
 * A version written long before the catalog was read is certainly missing there if the bucket was listed later. Last-Modified of a multipart
 * object is the time its upload was started, so it says nothing about when the upload was completed.
 */
function trustMissing({ listedAt, catalogedAt }: KeyPair, { lastModified, etag }: ListedVersion, graceSeconds: number) {
  if (graceSeconds === 0) return 'certain'
  const age = Date.parse(catalogedAt) / 1000 - lastModified
  if (age < graceSeconds + TRUNCATION + (etag?.includes('-') ? LONGEST_UPLOAD : 0)) return 'wait'
  return catalogedAt <= listedAt ? 'certain' : 'ask'
}
