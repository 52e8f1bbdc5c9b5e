import { randomBytes } from 'node:crypto'
import { S3Error } from '../errors.ts'
import { findBucket } from './buckets.ts'
import { type Actor, LIFECYCLE_PRINCIPAL } from './change.ts'
import { midnightSequence } from './sequence.ts'
import type { Store } from './store.ts'
import { findVersion, requireVersion } from './versions.ts'
import { addDeleteMarker, publishChange, removeVersion } from './write-versions.ts'

/**
 * Expires the current version as a lifecycle rule does: adds a delete marker in a bucket with versioning (if it is suspended, a
 * `null` marker that replaces the `null` version), deletes the object in a bucket that never had versioning. Does nothing if
 * there is no current object.
 */
export function expireCurrent(store: Store, bucketName: string, key: string): void {
  const bucket = findBucket(store, bucketName)
  store.transaction(() => {
    const current = findVersion(store, bucketName, key)
    if (!current || current.isDeleteMarker) return
    const cause = { actor: lifecycleActor(), eventSequence: midnightSequence(store.now()) }
    if (bucket.versioning === '') removeVersion(store, bucket, current, { ...cause, event: 'LifecycleExpiration:Delete' })
    else addDeleteMarker(store, bucket, key, { ...cause, event: 'LifecycleExpiration:DeleteMarkerCreated' })
  })
}

/** Removes a version, or a delete marker, as a lifecycle rule does with noncurrent versions and expired markers. */
export function expireVersion(store: Store, bucketName: string, key: string, versionId: string): void {
  const bucket = findBucket(store, bucketName)
  store.transaction(() => {
    const version = findVersion(store, bucketName, key, versionId)
    if (!version) throw new S3Error('NoSuchVersion')
    const cause = { actor: lifecycleActor(), eventSequence: midnightSequence(store.now()) }
    removeVersion(store, bucket, version, { ...cause, event: 'LifecycleExpiration:Delete' })
  })
}

/** Moves a version to another storage class, as a lifecycle rule does. */
export function transition(store: Store, bucketName: string, key: string, versionId: string, storageClass: string): void {
  const bucket = findBucket(store, bucketName)
  store.transaction(() => {
    const version = requireVersion(store, bucket, key, versionId)
    store.sql.run`update version set storage_class = ${storageClass} where id = ${version.id}`
    publishChange(store, bucket, { ...version, storageClass }, 'LifecycleTransition', lifecycleActor())
  })
}

/** The actor of changes that S3 makes by itself. */
export function lifecycleActor(): Actor {
  return {
    principalId: LIFECYCLE_PRINCIPAL,
    sourceIp: LIFECYCLE_PRINCIPAL,
    requestId: randomBytes(8).toString('hex').toUpperCase(),
    hostId: randomBytes(48).toString('base64'),
  }
}
