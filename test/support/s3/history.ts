import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectTaggingCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  RestoreObjectCommand,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { S3Error } from '../../../local/s3/errors.ts'
import { expireCurrent, expireVersion, transition } from '../../../local/s3/store/lifecycle.ts'
import { completeRestore } from '../../../local/s3/store/restores.ts'
import { bucketExists } from '../../../shared/s3/bucket-exists.ts'
import { deleteVersions } from '../../../shared/s3/delete-versions.ts'
import { fc } from '../random.ts'
import { makeBucket, setVersioning, type TestS3, versionsInBucket } from './bucket.ts'

/** How a bucket of a history begins. */
export type Versioning = 'Enabled' | 'Suspended' | 'never'

/** One operation; numbers choose among the buckets, keys, versions and uploads that there are. */
export type Operation =
  | { do: 'put'; bucket: number; key: number; body: number; tagged: boolean }
  | { do: 'copy'; bucket: number; key: number; to: number }
  | { do: 'startUpload'; bucket: number; key: number }
  | { do: 'finishUpload'; upload: number }
  | { do: 'delete' | 'expire' | 'untag'; bucket: number; key: number }
  | { do: 'deleteVersion' | 'expireVersion' | 'restore'; bucket: number; version: number }
  | { do: 'tag'; bucket: number; version: number; tag: number }
  | { do: 'transition'; bucket: number; version: number; cold: boolean }
  | { do: 'setVersioning'; bucket: number; to: 'Enabled' | 'Suspended' }
  | { do: 'deleteBucket'; bucket: number }
  | { do: 'createBucket'; bucket: number }
  | { do: 'deliver'; seed: number }

const KEYS = ['a', 'a/b', 'ü +%41\u0001']
const BUCKETS: Versioning[] = ['Enabled', 'Suspended', 'never']

const bucket = fc.nat({ max: BUCKETS.length - 1 })
const key = fc.nat({ max: KEYS.length - 1 })
const version = fc.nat({ max: 7 })

/** Histories of a few keys in three buckets that may be deleted and made again, some events being delivered while they go on. */
export const histories = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('put' as const), bucket, key, body: fc.nat({ max: 2 }), tagged: fc.boolean() }),
    },
    fc.record({ do: fc.constant('copy' as const), bucket, key, to: key }),
    fc.record({ do: fc.constant('startUpload' as const), bucket, key }),
    { weight: 2, arbitrary: fc.record({ do: fc.constant('finishUpload' as const), upload: fc.nat({ max: 3 }) }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constantFrom('delete' as const, 'expire' as const, 'untag' as const), bucket, key }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom('deleteVersion' as const, 'expireVersion' as const, 'restore' as const),
        bucket,
        version,
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('tag' as const), bucket, version, tag: fc.nat({ max: 2 }) }) },
    fc.record({ do: fc.constant('transition' as const), bucket, version, cold: fc.boolean() }),
    fc.record({
      do: fc.constant('setVersioning' as const),
      bucket,
      to: fc.constantFrom('Enabled' as const, 'Suspended' as const),
    }),
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('deleteBucket' as const, 'createBucket' as const), bucket }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('deliver' as const), seed: fc.nat() }) },
  ) satisfies fc.Arbitrary<Operation>,
  { minLength: 1, maxLength: 24, size: 'max' },
)

/** The buckets of one history, made for it alone. */
export type Stage = { bucket: TestS3; names: string[]; uploads: { bucket: string; key: string; id: string }[] }

/** Makes the three buckets of a history. */
export async function setStage(bucket: TestS3): Promise<Stage> {
  const id = crypto.randomUUID().slice(0, 8)
  const names = BUCKETS.map(versioning => `${versioning.toLowerCase()}-${id}`)
  await Promise.all(names.map((name, n) => makeBucket(bucket.s3, name, BUCKETS[n]!)))
  return { bucket, names, uploads: [] }
}

/** Carries out an operation, or nothing where there is nothing to do it to. */
export async function perform(stage: Stage, operation: Exclude<Operation, { do: 'deliver' }>): Promise<void> {
  try {
    await act(stage, operation)
  } catch (error) {
    if (!(error instanceof S3ServiceException || error instanceof S3Error)) throw error
    const code = error instanceof S3Error ? error.code : error.name
    // The whole exception would be pages of sockets.
    if (!REFUSALS.includes(code)) throw new Error(`${operation.do}: ${code}: ${error.message}`)
  }
}

/** What S3 rightly refuses, for example to restore what is not archived. */
const REFUSALS = [
  'NoSuchBucket',
  'NoSuchKey',
  'NoSuchUpload',
  'NoSuchVersion',
  'MethodNotAllowed',
  'InvalidObjectState',
  'InvalidRequest',
  'RestoreAlreadyInProgress',
  'NotFound',
  'ObjectNotInActiveTierError',
]

async function act(stage: Stage, operation: Exclude<Operation, { do: 'deliver' }>): Promise<void> {
  const { s3, server } = stage.bucket
  if (operation.do === 'finishUpload') {
    const [upload] = stage.uploads.splice(operation.upload, 1)
    if (!upload) return
    const name = { Bucket: upload.bucket, Key: upload.key, UploadId: upload.id }
    const { ETag } = await s3.send(new UploadPartCommand({ ...name, PartNumber: 1, Body: `upload ${upload.id}` }))
    await s3.send(new CompleteMultipartUploadCommand({ ...name, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } }))
    return
  }
  const Bucket = stage.names[operation.bucket]!
  if (operation.do === 'deleteBucket') {
    await deleteVersions(s3, { bucket: Bucket })
    await s3.send(new DeleteBucketCommand({ Bucket }))
    return
  }
  if (operation.do === 'createBucket') {
    if (!(await bucketExists(s3, Bucket))) await makeBucket(s3, Bucket, BUCKETS[operation.bucket]!)
    return
  }
  if (operation.do === 'setVersioning') {
    // A bucket that never had versioning stays so: it is one of its own kind.
    if (BUCKETS[operation.bucket] !== 'never') await setVersioning(s3, Bucket, operation.to)
    return
  }
  if ('version' in operation) {
    const versions = await versionsInBucket(s3, Bucket)
    const chosen = versions[operation.version % Math.max(versions.length, 1)]
    if (!chosen) return
    const name = { Bucket, Key: String(chosen.key), VersionId: String(chosen.versionId) }
    if (operation.do === 'deleteVersion') await s3.send(new DeleteObjectCommand(name))
    if (operation.do === 'expireVersion') expireVersion(server.store, name.Bucket, name.Key, name.VersionId)
    if (chosen.isDeleteMarker) return
    if (operation.do === 'tag')
      await s3.send(new PutObjectTaggingCommand({ ...name, Tagging: { TagSet: [{ Key: 't', Value: String(operation.tag) }] } }))
    if (operation.do === 'transition')
      transition(server.store, name.Bucket, name.Key, name.VersionId, operation.cold ? 'GLACIER' : 'STANDARD_IA')
    if (operation.do === 'restore') {
      await s3.send(new RestoreObjectCommand({ ...name, RestoreRequest: { Days: 1 } }))
      completeRestore(server.store, name.Bucket, name.Key, name.VersionId)
    }
    return
  }
  const Key = KEYS[operation.key]!
  switch (operation.do) {
    case 'put':
      await s3.send(
        new PutObjectCommand({
          Bucket,
          Key,
          Body: `body ${operation.body}`,
          ContentType: `text/${operation.body}`,
          Metadata: { body: String(operation.body) },
          Tagging: operation.tagged ? `t=${operation.body}` : undefined,
        }),
      )
      break
    case 'copy':
      await s3.send(
        new CopyObjectCommand({
          Bucket,
          Key: KEYS[operation.to]!,
          CopySource: `${Bucket}/${encodeURIComponent(Key)}`,
          MetadataDirective: 'REPLACE',
        }),
      )
      break
    case 'startUpload': {
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, Metadata: { how: 'parts' } }))
      stage.uploads.push({ bucket: Bucket, key: Key, id: UploadId! })
      break
    }
    case 'delete':
      await s3.send(new DeleteObjectCommand({ Bucket, Key }))
      break
    case 'expire':
      expireCurrent(server.store, Bucket, Key)
      break
    case 'untag':
      await s3.send(new DeleteObjectTaggingCommand({ Bucket, Key }))
      break
  }
}
