import {
  GetObjectTaggingCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import type { KeyName, VersionName } from '../names.ts'
import { decodeEncodedWords } from './encoded-words.ts'
import { findListedVersion } from './key-versions.ts'
import { isBadRequest } from './requests.ts'

/** The state of one version in S3: present, a delete marker, or gone. `size` is bytes, etags are without quotes. */
export type VersionState = {
  state: 'present' | 'marker' | 'gone'
  size?: number
  etag?: string
  contentType?: string
  lastModified?: Date
  storageClass?: string
  metadata?: Record<string, string>
  tags?: Record<string, string>
}

/**
 * Fetches a version and its tags, both at once. Reads are strongly consistent, so the state includes every change made before the
 * call (S3 user guide, "Amazon S3 data consistency model"). Throws S3's error for anything but 404 and 405.
 */
export async function headVersion(s3: S3Client, version: VersionName): Promise<VersionState> {
  const [headed, tags] = await Promise.allSettled([fetchHead(s3, version), fetchTags(s3, version)])
  if (headed.status === 'rejected') return stateFromError(s3, version, headed.reason)
  // The version may have been deleted between the two responses.
  if (tags.status === 'rejected') return stateFromError(s3, version, tags.reason)
  const { ContentLength, ETag, ContentType, LastModified, StorageClass, Metadata } = headed.value
  return {
    state: 'present',
    size: ContentLength ?? 0,
    etag: ETag?.replaceAll('"', '') || undefined,
    contentType: ContentType,
    lastModified: LastModified,
    storageClass: StorageClass ?? 'STANDARD',
    metadata: decodeEncodedWords(Metadata),
    tags: tags.value,
  }
}

type Head = HeadObjectCommandOutput & { Metadata: Record<string, string> }

/** In a bucket that never had versioning, moto refuses the version id `null` with 400; there a HEAD without it is about the same version. */
async function fetchHead(s3: S3Client, version: VersionName): Promise<Head> {
  try {
    return await sendHead(s3, version)
  } catch (error) {
    if (version.versionId !== 'null' || !isBadRequest(error)) throw error
    const current = await sendHead(s3, { ...version, versionId: undefined })
    if ((current.VersionId ?? 'null') !== 'null') throw error
    return current
  }
}

/** HeadObject, with the user metadata from the headers: the SDK loses a name `__proto__`. */
async function sendHead(s3: S3Client, { bucket, key, versionId }: KeyName & { versionId?: string }): Promise<Head> {
  const command = new HeadObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId })
  let headers: Record<string, string> = {}
  command.middlewareStack.add(
    next => async args => {
      const result = await next(args)
      headers = (result.response as { headers: Record<string, string> }).headers
      return result
    },
    { step: 'deserialize', priority: 'low', name: 'metadata' },
  )
  const head = await s3.send(command)
  const names = Object.keys(headers).filter(name => name.startsWith(METADATA_HEADER))
  return { ...head, Metadata: Object.fromEntries(names.map(name => [name.slice(METADATA_HEADER.length), headers[name] ?? ''])) }
}

const METADATA_HEADER = 'x-amz-meta-'

/** Fetches the tags of a version, name to value. */
export async function fetchTags(s3: S3Client, { bucket, key, versionId }: VersionName): Promise<Record<string, string>> {
  const { TagSet = [] } = await s3.send(new GetObjectTaggingCommand({ Bucket: bucket, Key: key, VersionId: versionId }))
  return Object.fromEntries(TagSet.map(({ Key = '', Value = '' }) => [Key, Value]))
}

/**
 * A HEAD of a delete marker returns 405 and its Last-Modified, a HEAD of a deleted version 404. LocalStack's 405 does not say that it is about a
 * delete marker, and moto's has no Last-Modified: then the listing has it.
 */
async function stateFromError(s3: S3Client, version: VersionName, error: unknown): Promise<VersionState> {
  if (!(error instanceof S3ServiceException)) throw error
  const { httpStatusCode } = error.$metadata
  if (httpStatusCode === 405) {
    const headers = error.$response?.headers ?? {}
    const sent = headers['x-amz-delete-marker'] === 'true' ? headers['last-modified'] : undefined
    const listed = sent === undefined ? await findListedVersion(s3, version) : undefined
    const lastModified = sent !== undefined ? new Date(sent) : listed?.isDeleteMarker && new Date(listed.lastModified * 1000)
    if (lastModified) return { state: 'marker', lastModified, metadata: {}, tags: {} }
  }
  // A version of a bucket that does not exist is gone, too.
  if (httpStatusCode === 404) return { state: 'gone' }
  // The SDK says `UnknownError` of a HEAD, which says nothing in the dead-letter queue.
  if (error.message === 'UnknownError') error.message = `S3 returned ${httpStatusCode} for a HEAD of the version`
  throw error
}
