import type { S3Client } from '@aws-sdk/client-s3'
import type { KeyRange, ListedKey, ListedVersion } from '../listing.ts'
import { fetchVersionPage, type VersionMarker } from './version-pages.ts'

/**
 * Streams the keys of a bucket with all their versions, in the order of their bytes. One request per thousand versions; the next page
 * is fetched while one is read. Memory holds two pages and the versions of one key. Returns when the last page was requested, by `now`.
 */
export async function* listBucketVersions(
  s3: S3Client,
  { bucket, prefix, after, pageSize = 1000, now }: KeyRange & { now: () => Promise<string> },
): AsyncGenerator<ListedKey, string> {
  const fetchPage = async (marker: VersionMarker) => {
    const asOf = await now()
    return { asOf, ...(await fetchVersionPage(s3, { bucket, prefix, after: marker, pageSize })) }
  }
  // Settled, so that a page that fails before it is read is not an unhandled rejection.
  let coming = Promise.allSettled([fetchPage({ key: after })])
  let open: ListedKey | undefined
  for (;;) {
    const [result] = await coming
    if (result.status === 'rejected') throw result.reason
    const { asOf, entries, next } = result.value
    if (next) coming = Promise.allSettled([fetchPage(next)])
    for (const [key, versions] of Map.groupBy(entries, entry => entry.key)) {
      if (open && open.key !== key) yield open
      if (open?.key === key) append(open.versions, versions)
      else open = { key, asOf, versions }
    }
    if (next) continue
    if (open) yield open
    return asOf
  }
}

/** Adds the versions of the next page. When the version at which a page ended was deleted meanwhile, S3 repeats some. */
function append(versions: ListedVersion[], more: ListedVersion[]): void {
  const known = new Set(versions.map(({ versionId }) => versionId))
  versions.push(...more.filter(({ versionId }) => !known.has(versionId)))
}
