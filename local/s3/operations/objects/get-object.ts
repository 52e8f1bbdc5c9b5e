import type { Checksum } from '../../checksums/checksum.ts'
import { invalidArgument, S3Error } from '../../errors.ts'
import { checksumHeaders } from '../../headers/checksums.ts'
import { checkReadConditions } from '../../headers/conditions.ts'
import { attributeHeaders } from '../../headers/object-headers.ts'
import { versionHeader, versionIdOf } from '../../headers/version-id.ts'
import { countParameter, type S3Request } from '../../http/request.ts'
import type { S3Response } from '../../http/response.ts'
import { isReadable } from '../../store/storage-classes.ts'
import type { Store } from '../../store/store.ts'
import type { Bucket, StoredSegment, Version } from '../../store/types.ts'
import { requireVersion, segmentsOf } from '../../store/versions.ts'

/** GetObject and HeadObject: the whole object, a range, or a part; with conditions and overridden response headers. */
export function getObject(store: Store, request: S3Request, bucket: Bucket, key: string): S3Response {
  const version = requireVersion(store, bucket, key, versionIdOf(request))
  checkReadConditions(request, version)
  const isHead = request.method === 'HEAD'
  if (!isHead && !isReadable(version))
    throw new S3Error('InvalidObjectState', { details: { StorageClass: version.storageClass } })
  const segments = segmentsOf(store, version)
  const { start, end, isPartial, checksum, partsCount } = selection(request, version, segments)
  return {
    status: isPartial ? 206 : 200,
    headers: {
      ...attributeHeaders(version),
      ...versionHeader(bucket, version.versionId),
      ...overrides(request),
      ...(request.headers['x-amz-checksum-mode']?.toUpperCase() === 'ENABLED' ? checksumHeaders(checksum) : {}),
      'Accept-Ranges': 'bytes',
      'Content-Length': end - start,
      'Content-Range': isPartial ? `bytes ${start}-${end - 1}/${version.size}` : undefined,
      'x-amz-mp-parts-count': partsCount,
    },
    body: isHead ? undefined : end > start ? store.bodies.read(segments, start, end) : '',
  }
}

type Selection = { start: number; end: number; isPartial: boolean; checksum?: Checksum; partsCount?: number }

function selection(request: S3Request, version: Version, segments: StoredSegment[]): Selection {
  const { range } = request.headers
  const whole = { start: 0, end: version.size, isPartial: false, checksum: version.checksum }
  if (request.query.has('partNumber')) {
    if (range !== undefined) {
      throw new S3Error('InvalidRequest', { message: 'Cannot specify both Range header and partNumber query parameter' })
    }
    return selectPart(request, version, segments)
  }
  const match = /^bytes=(\d*)-(\d*)$/.exec(range ?? '')
  // S3 ignores a Range header that is not one range of bytes.
  if (
    !match ||
    (match[1] === '' && match[2] === '') ||
    (match[1] !== '' && match[2] !== '' && Number(match[1]) > Number(match[2]))
  )
    return whole
  const [from, to] = [match[1], match[2]]
  const start = from === '' ? Math.max(0, version.size - Number(to)) : Number(from)
  const end = from === '' || to === '' ? version.size : Math.min(Number(to) + 1, version.size)
  if (start >= end) {
    throw new S3Error('InvalidRange', {
      details: { RangeRequested: range, ActualObjectSize: version.size },
      headers: { 'Content-Range': `bytes */${version.size}` },
    })
  }
  return { start, end, isPartial: true, checksum: end - start === version.size ? version.checksum : undefined }
}

function selectPart(request: S3Request, version: Version, segments: StoredSegment[]): Selection {
  const wanted = countParameter(request, 'partNumber', 10_001)
  if (wanted < 1 || wanted > 10_000) {
    throw invalidArgument(
      'Part number must be an integer between 1 and 10000, inclusive',
      'partNumber',
      request.query.get('partNumber'),
    )
  }
  if (!version.partCount) {
    if (wanted > 1) throw new S3Error('InvalidPartNumber', { details: { ActualPartCount: 1, PartNumberRequested: wanted } })
    return { start: 0, end: version.size, isPartial: version.size > 0, checksum: version.checksum }
  }
  const index = segments.findIndex(segment => segment.number === wanted)
  if (index < 0) {
    throw new S3Error('InvalidPartNumber', { details: { ActualPartCount: version.partCount, PartNumberRequested: wanted } })
  }
  const segment = segments[index]!
  const start = segments.slice(0, index).reduce((sum, before) => sum + before.size, 0)
  const checksum: Checksum | undefined =
    version.checksum && segment.checksum ? { ...version.checksum, value: segment.checksum } : undefined
  return { start, end: start + segment.size, isPartial: segment.size > 0, checksum, partsCount: version.partCount }
}

function overrides(request: S3Request): Record<string, string> {
  const given = [...request.query].filter(([name]) => name.startsWith('response-'))
  return Object.fromEntries(
    given.map(([name, value]) => {
      const header = name.slice('response-'.length)
      if (!overridable.includes(header))
        throw invalidArgument(`${name} is not in the set of overridable response headers`, name, value)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they would end the header.
      if (/[\u0000-\u001f\u007f]/.test(value)) throw invalidArgument('Header value cannot be represented', name, value)
      return [header, Buffer.from(value).toString('latin1')]
    }),
  )
}

const overridable = ['content-type', 'content-language', 'expires', 'cache-control', 'content-disposition', 'content-encoding']
