import type { S3Client } from '@aws-sdk/client-s3'
import type { ListedVersion } from '../listing.ts'
import type { KeyName, VersionName } from '../names.ts'
import { fetchKeyPage, type VersionMarker } from './version-pages.ts'

/** Fetches the latest version of a key as it is listed; null when it has none, or there is no such bucket. One request, however many versions there are. */
export async function fetchLatestVersion(s3: S3Client, { bucket, key }: KeyName): Promise<ListedVersion | null> {
  // Of all keys with this prefix the key itself comes first, and of its versions the newest.
  const page = await fetchKeyPage(s3, { bucket, key, pageSize: 1 })
  const [first] = page.entries
  return first?.key === key ? first : null
}

/** Finds a version in the listing of its key; undefined when it does not exist. One request per thousand versions. */
export async function findListedVersion(s3: S3Client, { versionId, ...name }: VersionName): Promise<ListedVersion | undefined> {
  for await (const version of keyVersions(s3, name)) if (version.versionId === versionId) return version
}

/** Fetches all versions and delete markers of a key. One request per thousand. */
export async function listKeyVersions(s3: S3Client, name: KeyName): Promise<ListedVersion[]> {
  const versions = await Array.fromAsync(keyVersions(s3, name))
  // When the version at which a page ended was deleted meanwhile, S3 repeats some.
  return [...new Map(versions.map(version => [version.versionId, version])).values()]
}

async function* keyVersions(s3: S3Client, { bucket, key }: KeyName): AsyncGenerator<ListedVersion> {
  let after: VersionMarker | undefined = {}
  while (after) {
    const { entries, next } = await fetchKeyPage(s3, { bucket, key, after })
    for (const { key: listed, ...version } of entries) if (listed === key) yield version
    // Longer keys with this prefix come after it.
    after = entries.every(entry => entry.key === key) ? next : undefined
  }
}
