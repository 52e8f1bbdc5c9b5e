import type { S3Client } from '@aws-sdk/client-s3'
import { compareKeys } from '../key-order.ts'
import type { KeyRange, ListedKey, ListedVersion } from '../listing.ts'
import { fetchVersionPage, type VersionMarker } from './version-pages.ts'

/**
 * Streams the keys of a bucket with all their versions, in the order of their bytes. One request per thousand versions; the next page
 * is fetched while one is read. Memory holds two pages and the versions of one key. Returns when the last page was requested, by `now`.
 * Throws when the keys are not in this order or pages repeat: then keys would be missed or listed for ever.
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
      // Some servers list the key that a listing continues after once more (Ceph, moto).
      if (after !== undefined && compareKeys(key, after) <= 0) continue
      const order = open ? compareKeys(key, open.key) : 1
      if (order < 0) throw new Error(`The listing of ${bucket} is not in order: ${quoted(key)} follows ${quoted(open?.key)}`)
      if (open && order > 0) yield open
      if (open && order === 0) {
        const added = append(open.versions, versions)
        if (added === 0 && next?.key === key) throw new Error(`The listing of ${bucket} repeats the versions of ${quoted(key)}`)
      } else open = { key, asOf, versions }
    }
    if (next) continue
    if (open) yield open
    return asOf
  }
}

/** Adds the versions of the next page and returns how many are new. When the version at which a page ended was deleted meanwhile, S3 repeats some. */
function append(versions: ListedVersion[], more: ListedVersion[]): number {
  const known = new Set(versions.map(({ versionId }) => versionId))
  return versions.push(...more.filter(({ versionId }) => !known.has(versionId))) - known.size
}

const quoted = (key?: string) => JSON.stringify(key)
