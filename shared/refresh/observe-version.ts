import type { S3Client } from '@aws-sdk/client-s3'
import { type Observation, verified } from '../catalog/observations.ts'
import type { ListedVersion } from '../listing.ts'
import type { VersionName } from '../names.ts'
import { fetchTags, headVersion, type VersionState } from '../s3/head-version.ts'
import { isBadRequest } from '../s3/requests.ts'

/**
 * Fetches a version from S3 as an observation. Where S3 refuses the HEAD with 400 (an object encrypted with a customer's key, a malformed
 * version id), the observation holds what the listing said of the version, if it was listed.
 */
export async function observeVersion(s3: S3Client, version: VersionName, listed?: ListedVersion): Promise<Observation> {
  const state = await headVersion(s3, version).catch((error: unknown) => {
    if (!isBadRequest(error)) throw error
    return stateFromListing(s3, version, listed)
  })
  return verified(version, state)
}

/** Tags can be read without the customer's key, and their response has a body that tells a malformed version id from other errors. */
async function stateFromListing(s3: S3Client, version: VersionName, listed: ListedVersion | undefined): Promise<VersionState> {
  try {
    const tags = await fetchTags(s3, version)
    if (!listed) return { state: 'gone' }
    return {
      state: 'present',
      size: listed.size ?? 0,
      etag: listed.etag ?? undefined,
      storageClass: listed.storageClass ?? undefined,
      lastModified: new Date(listed.lastModified * 1000),
      metadata: {},
      tags,
    }
  } catch (error) {
    if (!listed && isBadRequest(error) && ['InvalidArgument', 'NoSuchVersion'].includes(error.name)) return { state: 'gone' }
    throw error
  }
}
