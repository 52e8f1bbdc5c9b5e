import { xmlDate } from '../../encoding.ts'
import { invalidArgument } from '../../errors.ts'
import { checksumSummary } from '../../headers/checksums.ts'
import type { S3Request } from '../../http/request.ts'
import { type S3Response, xmlResponse } from '../../http/response.ts'
import type { Store } from '../../store/store.ts'
import type { Bucket } from '../../store/types.ts'
import { toVersion, type VersionRow } from '../../store/versions.ts'
import { owner } from '../owner.ts'
import { listParameters } from './list-parameters.ts'
import { afterKey, type Fetch, fromToken, toToken, walk } from './walk.ts'

/** ListObjectsV2. */
export function listObjectsV2(store: Store, request: S3Request, bucket: Bucket): S3Response {
  const { prefix, delimiter, encode, encoding, max } = listParameters(request)
  const token = request.query.get('continuation-token')
  const startAfter = request.query.get('start-after')
  const resumed = token === undefined ? undefined : fromToken(token)
  if (token !== undefined && !resumed)
    throw invalidArgument('The continuation token provided is incorrect', 'continuation-token', token)
  const start = resumed ?? (startAfter ? afterKey(startAfter) : { key: Buffer.alloc(0) })
  const page = walk(currentObjects(store, bucket), { prefix, delimiter, start, max, after: row => afterKey(row.key) })
  const withOwner = request.query.get('fetch-owner') === 'true'
  return xmlResponse('ListBucketResult', {
    Name: bucket.name,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    MaxKeys: max,
    EncodingType: encoding,
    KeyCount: page.items.length + page.prefixes.length,
    IsTruncated: page.next !== undefined,
    ContinuationToken: token,
    NextContinuationToken: page.next && toToken(page.next),
    StartAfter: startAfter === undefined ? undefined : encode(startAfter),
    Contents: page.items.map(row => contents(row, encode, withOwner)),
    CommonPrefixes: page.prefixes.map(one => ({ Prefix: encode(one) })),
  })
}

/** ListObjects, version 1. NextMarker only with a delimiter, as in S3. */
export function listObjects(store: Store, request: S3Request, bucket: Bucket): S3Response {
  const { prefix, delimiter, encode, encoding, max } = listParameters(request)
  const marker = request.query.get('marker') ?? ''
  const start = marker === '' ? { key: Buffer.alloc(0) } : afterKey(marker)
  const page = walk(currentObjects(store, bucket), { prefix, delimiter, start, max, after: row => afterKey(row.key) })
  const last = page.last && ('prefix' in page.last ? page.last.prefix : Buffer.from(page.last.item.key).toString())
  return xmlResponse('ListBucketResult', {
    Name: bucket.name,
    Prefix: encode(prefix),
    Marker: encode(marker),
    NextMarker: page.next && last !== undefined && delimiter !== '' ? encode(last) : undefined,
    MaxKeys: max,
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    EncodingType: encoding,
    IsTruncated: page.next !== undefined,
    Contents: page.items.map(row => contents(row, encode, true)),
    CommonPrefixes: page.prefixes.map(one => ({ Prefix: encode(one) })),
  })
}

function currentObjects(store: Store, bucket: Bucket): Fetch<VersionRow> {
  return (from, until, limit) =>
    store.sql.all`
      select *
      from version
      where bucket = ${bucket.name} and key >= ${from.key} and key < ${until} and is_latest = 1 and is_delete_marker = 0
      order by key
      limit ${limit}` as VersionRow[]
}

function contents(row: VersionRow, encode: (key: string) => string, withOwner: boolean) {
  const version = toVersion(row)
  return {
    Key: encode(version.key),
    LastModified: xmlDate(version.lastModified),
    ETag: `"${version.etag}"`,
    ...checksumSummary(version),
    Size: version.size,
    Owner: withOwner ? owner : undefined,
    StorageClass: version.storageClass,
  }
}
