import { ListObjectVersionsCommand, type S3Client } from '@aws-sdk/client-s3'
import { compareKeys } from '../key-order.ts'
import type { ListedVersion } from '../listing.ts'
import { decodeKey } from './key-encoding.ts'

/** A version or delete marker of a page, with its key. */
export type PageEntry = ListedVersion & { key: string }

/** Where a listing continues: after that version of the key or, without a version id, after all versions of the key. */
export type VersionMarker = { key?: string; versionId?: string }

/** One page of ListObjectVersions, in the order of keys. `next` is undefined on the last page. */
export type VersionPage = { entries: PageEntry[]; next?: VersionMarker }

/** Fetches one page of the versions and delete markers of a bucket. One request; `pageSize` is at most 1,000. */
export async function fetchVersionPage(
  s3: S3Client,
  { bucket, prefix, after = {}, pageSize }: { bucket: string; prefix: string; after?: VersionMarker; pageSize?: number },
): Promise<VersionPage> {
  const page = await s3.send(
    new ListObjectVersionsCommand({
      Bucket: bucket,
      Prefix: prefix,
      KeyMarker: after.key,
      VersionIdMarker: after.versionId,
      MaxKeys: pageSize,
      EncodingType: 'url',
    }),
  )
  const { Versions = [], DeleteMarkers = [], IsTruncated, NextKeyMarker = '', NextVersionIdMarker } = page
  const versions = Versions.map(version => ({
    ...entry(version),
    isDeleteMarker: false,
    size: version.Size ?? 0,
    etag: version.ETag?.replaceAll('"', '') ?? null,
    storageClass: version.StorageClass ?? 'STANDARD',
  }))
  const markers = DeleteMarkers.map(marker => ({
    ...entry(marker),
    isDeleteMarker: true,
    size: null,
    etag: null,
    storageClass: null,
  }))
  const entries = [...versions, ...markers]
  // S3 sends two lists, each in order.
  if (versions.length > 0 && markers.length > 0) entries.sort((a, b) => compareKeys(a.key, b.key))
  return { entries, next: IsTruncated ? { key: decodeKey(NextKeyMarker), versionId: NextVersionIdMarker } : undefined }
}

function entry({ Key = '', VersionId = 'null', IsLatest = false, LastModified }: Listed) {
  return {
    key: decodeKey(Key),
    versionId: VersionId,
    isLatest: IsLatest,
    lastModified: Math.floor((LastModified?.getTime() ?? Number.NaN) / 1000),
  }
}

type Listed = { Key?: string; VersionId?: string; IsLatest?: boolean; LastModified?: Date }
