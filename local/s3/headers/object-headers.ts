import { decodeWords, encodeWord, formDecode, httpDate } from '../encoding.ts'
import { invalidArgument, S3Error } from '../errors.ts'
import type { S3Request } from '../http/request.ts'
import { storageClasses } from '../store/storage-classes.ts'
import type { Attributes, Tag, Version } from '../store/types.ts'
import { checkTags } from './tags.ts'

/** Reads the attributes of a write from its headers. */
export function readAttributes(request: S3Request): Attributes {
  return {
    headers: readContentHeaders(request),
    metadata: readMetadata(request),
    tags: readTagHeader(request.headers['x-amz-tagging']),
    storageClass: readStorageClass(request),
  }
}

/** The response headers of a version. */
export function attributeHeaders(version: Version): Record<string, string | number | undefined> {
  const metadata = Object.entries(version.metadata).map(([name, value]) => [`x-amz-meta-${name}`, encodeWord(value)])
  return {
    ...version.headers,
    ...Object.fromEntries(metadata),
    ETag: `"${version.etag}"`,
    'Last-Modified': httpDate(version.lastModified),
    'x-amz-storage-class': version.storageClass === 'STANDARD' ? undefined : version.storageClass,
    'x-amz-tagging-count': version.tags.length || undefined,
    'x-amz-restore': version.restore && restoreHeader(version.restore),
  }
}

function readStorageClass(request: S3Request): string {
  const storageClass = request.headers['x-amz-storage-class'] ?? 'STANDARD'
  if (!storageClasses.includes(storageClass))
    throw new S3Error('InvalidStorageClass', { details: { StorageClassRequested: storageClass } })
  return storageClass
}

const contentHeaders = ['content-type', 'content-disposition', 'content-language', 'cache-control', 'expires']

/** The limit of an object's user metadata: the sum of its names and values in bytes of UTF-8. */
const MAX_METADATA_BYTES = 2048

function readContentHeaders({ headers }: S3Request): Record<string, string> {
  const kept = contentHeaders.flatMap(name => (headers[name] === undefined ? [] : [[name, headers[name]]]))
  const encodings = (headers['content-encoding'] ?? '').split(',').map(encoding => encoding.trim())
  const encoding = encodings.filter(one => one !== 'aws-chunked' && one !== '').join(',')
  return {
    'content-type': 'binary/octet-stream',
    ...Object.fromEntries(kept),
    ...(encoding === '' ? {} : { 'content-encoding': encoding }),
  }
}

// Header bytes are ISO-8859-1, as in S3; other text arrives as RFC 2047 words.
function readMetadata({ headers }: S3Request): Record<string, string> {
  const entries = Object.entries(headers)
    .filter(([name]) => name.startsWith('x-amz-meta-'))
    .map(([name, value]) => [name.slice('x-amz-meta-'.length), decodeWords(value ?? '')] as const)
  const size = entries.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0)
  if (size > MAX_METADATA_BYTES) {
    throw new S3Error('MetadataTooLarge', { details: { Size: size, MaxSizeAllowed: MAX_METADATA_BYTES } })
  }
  return Object.fromEntries(entries)
}

function readTagHeader(header: string | undefined): Tag[] {
  if (header === undefined || header === '') return []
  const tags = header.split('&').map(pair => {
    const [key, value = ''] = pair.split(/=(.*)/s, 2).map(formDecode)
    if (key === undefined || value === undefined) {
      const message =
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates."
      throw invalidArgument(message, 'x-amz-tagging', header)
    }
    return { key, value }
  })
  return checkTags(tags)
}

function restoreHeader(restore: NonNullable<Version['restore']>): string {
  return restore.ongoing ? 'ongoing-request="true"' : `ongoing-request="false", expiry-date="${httpDate(restore.expiresAt)}"`
}
