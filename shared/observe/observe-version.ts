import { GetObjectTaggingCommand, type S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import type { Observation } from '../catalog/observations.ts'
import { toStoredRecord } from '../database/stored-text.ts'
import type { KeyPair } from '../reconcile/pairs.ts'
import { headVersion, type VersionState } from '../s3/head-version.ts'

/**
 * What S3 answers about a version of a compared key, as `apply_observations` takes it. Where it refuses a HEAD (an object encrypted
 * with a key of the customer, a version id that is none), what its listing told.
 */
export async function observeVersion(s3: S3Client, bucket: string, pair: KeyPair, versionId: string): Promise<Observation> {
  const name = { bucket, key: pair.key, versionId }
  const state = await headVersion(s3, name).catch((error: unknown) => {
    if (!isRefusal(error)) throw error
    return stateFromListing(s3, bucket, pair, versionId)
  })
  return { ...name, claimsLatest: false, isVerified: true, sequencer: '', ...state }
}

/** Tags can be read without the key of the customer; and an answer with a body tells a refused version from refused credentials. */
async function stateFromListing(
  s3: S3Client,
  bucket: string,
  { key, listed }: KeyPair,
  versionId: string,
): Promise<VersionState> {
  const version = listed?.versions.find(one => one.versionId === versionId)
  try {
    const { TagSet = [] } = await s3.send(new GetObjectTaggingCommand({ Bucket: bucket, Key: key, VersionId: versionId }))
    if (!version) return { state: 'gone' }
    const { size, etag, storageClass, lastModified } = version
    return {
      state: 'present',
      size: size ?? 0,
      etag: etag ?? undefined,
      storageClass: storageClass ?? undefined,
      lastModified: new Date(lastModified * 1000),
      metadata: {},
      tags: toStoredRecord(Object.fromEntries(TagSet.map(({ Key, Value }) => [Key ?? '', Value ?? '']))),
    }
  } catch (error) {
    if (!version && isRefusal(error) && ['InvalidArgument', 'NoSuchVersion'].includes(error.name)) return { state: 'gone' }
    throw error
  }
}

function isRefusal(error: unknown): error is S3ServiceException {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 400
}
