import { checksumElement } from '../../checksums/checksum.ts'
import { invalidArgument } from '../../errors.ts'
import { versionHeader, versionIdOf } from '../../headers/version-id.ts'
import { readCount, type S3Request } from '../../http/request.ts'
import { type S3Response, xmlResponse } from '../../http/response.ts'
import type { Store } from '../../store/store.ts'
import type { Bucket, Version } from '../../store/types.ts'
import { requireVersion, segmentsOf } from '../../store/versions.ts'

/** GetObjectAttributes, with the parts of a multipart object in pages. */
export function getObjectAttributes(store: Store, request: S3Request, bucket: Bucket, key: string): S3Response {
  const version = requireVersion(store, bucket, key, versionIdOf(request))
  const wanted = new Set((request.headers['x-amz-object-attributes'] ?? '').split(',').map(name => name.trim()))
  const unknown = [...wanted].find(name => !attributeNames.includes(name))
  if (unknown !== undefined) throw invalidArgument('Invalid attribute name specified.', 'x-amz-object-attributes', unknown)
  const checksum = version.checksum && {
    [checksumElement(version.checksum.algorithm)]: version.checksum.value,
    ChecksumType: version.checksum.type,
  }
  const content = {
    ETag: wanted.has('ETag') ? version.etag : undefined,
    Checksum: wanted.has('Checksum') ? checksum : undefined,
    ObjectParts: wanted.has('ObjectParts') && version.partCount ? objectParts(store, request, version) : undefined,
    StorageClass: wanted.has('StorageClass') ? version.storageClass : undefined,
    ObjectSize: wanted.has('ObjectSize') ? version.size : undefined,
  }
  return xmlResponse('GetObjectAttributesResponse', content, {
    'Last-Modified': new Date(version.lastModified).toUTCString(),
    ...versionHeader(bucket, version.versionId),
  })
}

const attributeNames = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize']

function objectParts(store: Store, request: S3Request, version: Version) {
  const { headers } = request
  const max = readCount(headers['x-amz-max-parts'], 'x-amz-max-parts', 1000)
  const after = readCount(headers['x-amz-part-number-marker'] ?? '0', 'x-amz-part-number-marker', 10_000)
  const rest = segmentsOf(store, version).filter(segment => segment.number > after)
  const page = rest.slice(0, max)
  return {
    PartsCount: version.partCount,
    PartNumberMarker: after,
    NextPartNumberMarker: page.at(-1)?.number ?? 0,
    MaxParts: max,
    IsTruncated: rest.length > page.length,
    Part: page.map(({ number, size, checksum }) => ({
      ...(version.checksum && checksum ? { [checksumElement(version.checksum.algorithm)]: checksum } : {}),
      PartNumber: number,
      Size: size,
    })),
  }
}
