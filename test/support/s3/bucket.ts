import {
  CreateBucketCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { type S3Options, type S3Server, startS3 } from '../../../local/s3/server.ts'
import type { Sql } from '../../../shared/database/connection.ts'
import { fromStoredKey } from '../../../shared/database/stored-text.ts'
import { decodeKey } from '../../../shared/s3/key-encoding.ts'

/** A local S3 in memory whose events go only into `events`, as the bodies of their messages. */
export type TestS3 = { s3: S3Client; server: S3Server; events: string[]; [Symbol.asyncDispose](): Promise<void> }

/** For `await using bucket = await testS3()`. */
export async function testS3(options: Partial<S3Options> = {}): Promise<TestS3> {
  const events: string[] = []
  const server = await startS3({
    folder: ':memory:',
    deliver: notification => events.push(JSON.stringify(notification)),
    ...options,
  })
  const s3 = testClient(server.url)
  return {
    s3,
    server,
    events,
    async [Symbol.asyncDispose]() {
      s3.destroy()
      await server.close()
    },
  }
}

/** A client of that endpoint whose requests are those of `tester`, or of a catalog that accepts its own credentials only. */
export function testClient(
  endpoint: string,
  { accessKeyId, secretAccessKey } = { accessKeyId: 'tester', secretAccessKey: 'secret' },
): S3Client {
  return new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 5,
    credentials: { accessKeyId, secretAccessKey },
  })
}

export async function makeBucket(s3: S3Client, bucket: string, versioning: 'Enabled' | 'Suspended' | 'never'): Promise<void> {
  await s3.send(new CreateBucketCommand({ Bucket: bucket }))
  if (versioning !== 'never') await setVersioning(s3, bucket, versioning)
}

export async function setVersioning(s3: S3Client, bucket: string, versioning: 'Enabled' | 'Suspended'): Promise<void> {
  await s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: versioning } }))
}

/** A version as both sides have it. */
type Listed = Record<string, unknown>

/** Every version and delete marker of a bucket as S3 lists it: the oracle. */
export async function versionsInBucket(s3: S3Client, bucket: string): Promise<Listed[]> {
  const listed: Listed[] = []
  let markers: { KeyMarker?: string; VersionIdMarker?: string } = {}
  for (;;) {
    const page = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket, EncodingType: 'url', ...markers }))
    const readKey = page.EncodingType === 'url' ? decodeKey : (key: string) => key
    for (const { Key = '', VersionId, IsLatest, LastModified, Size, ETag, StorageClass } of page.Versions ?? []) {
      const key = readKey(Key)
      const name = { Bucket: bucket, Key: key, VersionId }
      const [head, { TagSet = [] }] = await Promise.all([
        s3.send(new HeadObjectCommand(name)),
        s3.send(new GetObjectTaggingCommand(name)),
      ])
      listed.push({
        key,
        versionId: VersionId,
        isLatest: IsLatest,
        isDeleteMarker: false,
        lastModified: LastModified,
        size: Size,
        etag: ETag?.replaceAll('"', ''),
        storageClass: StorageClass ?? 'STANDARD',
        contentType: head.ContentType ?? null,
        metadata: head.Metadata ?? {},
        tags: Object.fromEntries(TagSet.map(({ Key, Value }) => [Key, Value])),
      })
    }
    for (const { Key = '', VersionId, IsLatest, LastModified } of page.DeleteMarkers ?? []) {
      listed.push({
        ...MARKER,
        key: readKey(Key),
        versionId: VersionId,
        isLatest: IsLatest,
        lastModified: LastModified,
      })
    }
    if (!page.IsTruncated) return listed.toSorted(byName)
    markers = {
      KeyMarker: readKey(page.NextKeyMarker!),
      VersionIdMarker: page.NextVersionIdMarker,
    }
  }
}

const MARKER = {
  isDeleteMarker: true,
  size: null,
  etag: null,
  storageClass: 'STANDARD',
  contentType: null,
  metadata: {},
  tags: {},
}

/** The same of the catalog. */
export async function versionsInCatalog(sql: Sql, bucket: string): Promise<Listed[]> {
  const rows = await sql<Listed[]>`
    select key, version_id as "versionId", is_latest as "isLatest", is_delete_marker as "isDeleteMarker", last_modified as "lastModified",
      size, etag, storage_class as "storageClass", content_type as "contentType", metadata, tags
    from catalog.storage_versions
    where bucket = ${bucket}
  `
  return rows.map(row => ({ ...row, key: fromStoredKey(String(row.key)) })).toSorted(byName)
}

/** The current objects that follow from the versions. */
export function currentOf(versions: Listed[]): Listed[] {
  return versions
    .filter(({ isLatest, isDeleteMarker }) => isLatest && !isDeleteMarker)
    .map(({ isLatest: _, isDeleteMarker: __, ...object }) => object)
}

/** The current objects of the catalog. */
export async function objectsInCatalog(sql: Sql, bucket: string): Promise<Listed[]> {
  const rows = await sql<Listed[]>`
    select key, version_id as "versionId", last_modified as "lastModified", size, etag, storage_class as "storageClass",
      content_type as "contentType", metadata, tags
    from catalog.storage_objects
    where bucket = ${bucket}
  `
  return rows.map(row => ({ ...row, key: fromStoredKey(String(row.key)) })).toSorted(byName)
}

function byName(a: Listed, b: Listed): number {
  return Buffer.compare(Buffer.from(`${a.key}\0${a.versionId}`), Buffer.from(`${b.key}\0${b.versionId}`))
}
