import type { S3Client } from '@aws-sdk/client-s3'
import { type Observation, verified } from '../catalog/observations.ts'
import type { ListedVersion } from '../listing.ts'
import type { VersionName } from '../names.ts'
import { fetchTags, headVersion, type VersionState } from '../s3/head-version.ts'
import { findListedVersion } from '../s3/key-versions.ts'
import { isBadRequest } from '../s3/requests.ts'

/**
 * Fetches a version from S3 as an observation. Where S3 refuses the HEAD with 400 (an object encrypted with a customer's key, a malformed
 * version id), or its response lacks the entity tag or the time, the observation holds what the listing said of the version, if it was listed.
 * Throws for a version that S3 lists and does not return: it would be recorded as deleted.
 */
export async function observeVersion(s3: S3Client, version: VersionName, listed?: ListedVersion): Promise<Observation> {
  const state = await headVersion(s3, version).catch((error: unknown) => {
    if (!isBadRequest(error)) throw error
    return stateFromListing(s3, version, listed)
  })
  if (state.state === 'gone' && listed && (await findListedVersion(s3, version)))
    throw new Error('S3 lists the version, but returns 404 for it')
  if (state.state !== 'present' || !listed) return verified(version, state)
  const { etag = listed.etag ?? undefined, lastModified = new Date(listed.lastModified * 1000) } = state
  return verified(version, { ...state, etag, lastModified })
}

/** A delete marker as a listing shows it, which is all there is to know of one. */
export function listedMarker(version: VersionName, { lastModified }: ListedVersion): Observation {
  return verified(version, { state: 'marker', lastModified: new Date(lastModified * 1000), metadata: {}, tags: {} })
}

/**
 * Fetches what was a delete marker by listing its key: a HEAD does not tell it from a deleted version everywhere (Ceph returns 404 for both),
 * or does not say since when it exists (moto).
 */
export async function observeMarker(s3: S3Client, version: VersionName): Promise<Observation> {
  const listed = await findListedVersion(s3, version)
  if (!listed) return verified(version, { state: 'gone' })
  return listed.isDeleteMarker ? listedMarker(version, listed) : observeVersion(s3, version, listed)
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
