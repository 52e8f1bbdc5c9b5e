import { xmlDate } from '../../encoding.ts'
import { invalidArgument } from '../../errors.ts'
import { checksumSummary } from '../../headers/checksums.ts'
import type { S3Request } from '../../http/request.ts'
import { type S3Response, xmlResponse } from '../../http/response.ts'
import type { Store } from '../../store/store.ts'
import type { Bucket } from '../../store/types.ts'
import { isVersionId, sequenceOfVersionId } from '../../store/version-ids.ts'
import { findVersion, toVersion, type VersionRow } from '../../store/versions.ts'
import { owner } from '../owner.ts'
import { listParameters } from './list-parameters.ts'
import { afterKey, type Fetch, type Position, walk } from './walk.ts'

/** ListObjectVersions: ordered by key, and within a key the newest first. */
export function listObjectVersions(store: Store, request: S3Request, bucket: Bucket): S3Response {
  const { prefix, delimiter, encode, encoding, max } = listParameters(request)
  const keyMarker = request.query.get('key-marker') ?? ''
  const versionIdMarker = request.query.get('version-id-marker')
  const start = startPosition(store, bucket, keyMarker, versionIdMarker)
  const after = (row: VersionRow): Position => ({ key: Buffer.from(row.key), past: row.sequence })
  const page = walk(versionsNewestFirst(store, bucket), { prefix, delimiter, start, max, after })
  const last = page.next && page.last
  const entries = page.items.map(row => entry(row, encode))
  return xmlResponse('ListVersionsResult', {
    Name: bucket.name,
    Prefix: encode(prefix),
    KeyMarker: encode(keyMarker),
    VersionIdMarker: versionIdMarker ?? '',
    NextKeyMarker: last && encode('prefix' in last ? last.prefix : Buffer.from(last.item.key).toString()),
    NextVersionIdMarker: last && 'item' in last ? last.item.version_id : undefined,
    MaxKeys: max,
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    EncodingType: encoding,
    IsTruncated: page.next !== undefined,
    Version: entries.filter(one => !one.isDeleteMarker).map(one => one.xml),
    DeleteMarker: entries.filter(one => one.isDeleteMarker).map(one => one.xml),
    CommonPrefixes: page.prefixes.map(one => ({ Prefix: encode(one) })),
  })
}

function startPosition(store: Store, bucket: Bucket, keyMarker: string, versionIdMarker: string | undefined): Position {
  if (versionIdMarker === undefined) return keyMarker === '' ? { key: Buffer.alloc(0) } : afterKey(keyMarker)
  if (keyMarker === '') {
    throw invalidArgument('A version-id marker cannot be specified without a key marker.', 'version-id-marker', versionIdMarker)
  }
  if (versionIdMarker === '') throw invalidArgument('A version-id marker cannot be empty.', 'version-id-marker', versionIdMarker)
  if (!isVersionId(versionIdMarker)) throw invalidArgument('Invalid version id specified', 'version-id-marker', versionIdMarker)
  // The id of a deleted version still contains its rank. A deleted `null` version has none, so its key is listed again.
  const past = findVersion(store, bucket.name, keyMarker, versionIdMarker)?.sequence ?? sequenceOfVersionId(versionIdMarker)
  return { key: Buffer.from(keyMarker), past }
}

function versionsNewestFirst(store: Store, bucket: Bucket): Fetch<VersionRow> {
  return (from, until, limit) =>
    store.sql.all`
      select *
      from version
      where bucket = ${bucket.name} and key >= ${from.key} and key < ${until}
        and (key > ${from.key} or sequence < ${from.past ?? Number.MAX_SAFE_INTEGER})
      order by key, sequence desc
      limit ${limit}` as VersionRow[]
}

function entry(row: VersionRow, encode: (key: string) => string) {
  const version = toVersion(row)
  const { isDeleteMarker } = version
  const xml = {
    Key: encode(version.key),
    VersionId: version.versionId,
    IsLatest: version.isLatest,
    LastModified: xmlDate(version.lastModified),
    ...(isDeleteMarker
      ? { Owner: owner }
      : {
          ETag: `"${version.etag}"`,
          ...checksumSummary(version),
          Size: version.size,
          Owner: owner,
          StorageClass: version.storageClass,
        }),
  }
  return { isDeleteMarker, xml }
}
