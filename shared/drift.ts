import type { CatalogedKey, CatalogedVersion, ListedKey, ListedVersion } from './listing.ts'

/** What a version of the catalog can have wrong. */
export type DriftKind = 'missing' | 'orphaned' | 'stale' | 'wrongLatest' | 'wrongMetadata'

/** One difference between the bucket and the catalog, about one version. */
export type Difference = { kind: DriftKind; key: string; versionId: string; isYoung: boolean }

/**
 * The differences of one key. One that a change of the last `graceSeconds` may have made, whose event can still be on its way, is
 * young; only a version that is missing and was certainly written before that is not. `now` in seconds since 1970.
 */
export function differencesOf(
  listed: ListedKey | undefined,
  cataloged: CatalogedKey | undefined,
  now: number,
  graceSeconds: number,
): Difference[] {
  const key = (listed ?? cataloged)?.key ?? ''
  const inCatalog = new Map(cataloged?.versions.map(version => [version.versionId, version]))
  const inBucket = new Set(listed?.versions.map(({ versionId }) => versionId))
  const differ = (kind: DriftKind, versionId: string, isYoung = graceSeconds > 0): Difference => ({
    kind,
    key,
    versionId,
    isYoung,
  })
  const found: Difference[] = []
  for (const version of listed?.versions ?? []) {
    const known = inCatalog.get(version.versionId)
    if (!known) found.push(differ('missing', version.versionId, isYoung(version, now, graceSeconds)))
    else if (isStale(version, known)) found.push(differ('stale', version.versionId))
    else if (version.isLatest && !known.isLatest) found.push(differ('wrongLatest', version.versionId))
  }
  for (const { versionId } of cataloged?.versions ?? []) {
    if (!inBucket.has(versionId)) found.push(differ('orphaned', versionId))
  }
  return found
}

function isStale(version: ListedVersion, known: CatalogedVersion): boolean {
  return (
    !known.isSeen ||
    version.isDeleteMarker !== known.isDeleteMarker ||
    version.size !== known.size ||
    version.etag !== known.etag ||
    version.storageClass !== known.storageClass ||
    version.lastModified !== known.lastModified
  )
}

/** A multipart object carries the time its upload was started, so it says nothing about when it was completed. */
function isYoung({ lastModified, etag }: ListedVersion, now: number, graceSeconds: number): boolean {
  return graceSeconds > 0 && (lastModified > now - graceSeconds || (etag?.includes('-') ?? false))
}
