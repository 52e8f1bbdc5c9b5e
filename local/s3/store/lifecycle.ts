import { randomBytes } from 'node:crypto'
import { S3Error } from '../errors.ts'
import type { Actor } from '../events/notification.ts'
import { type Bucket, findBucket } from './buckets.ts'
import { midnightSequence } from './sequence.ts'
import type { Store } from './store.ts'
import { findVersion, type Restore, requireVersion, type Version } from './versions.ts'
import { addDeleteMarker, publishChange, removeVersion } from './write-versions.ts'

/** Storage classes whose objects must be restored before they can be read. */
export const archiveClasses: readonly string[] = ['GLACIER', 'DEEP_ARCHIVE']

/**
 * Expires the current version as lifecycle does: a delete marker in a bucket with versioning (a `null` one, in place of the `null`
 * version, where it is suspended), deletion in one that never had it. Nothing current, nothing happens.
 */
export function expireCurrent(store: Store, bucketName: string, key: string): void {
  const bucket = findBucket(store, bucketName)
  store.change(() => {
    const current = findVersion(store, bucketName, key)
    if (!current || current.isDeleteMarker) return
    const cause = { actor: lifecycleActor(), eventSequence: midnightSequence(store.now()) }
    if (bucket.versioning === '') removeVersion(store, bucket, current, { ...cause, event: 'LifecycleExpiration:Delete' })
    else addDeleteMarker(store, bucket, key, { ...cause, event: 'LifecycleExpiration:DeleteMarkerCreated' })
  })
}

/** Removes a version, or a delete marker, as lifecycle does with noncurrent versions and expired markers. */
export function expireVersion(store: Store, bucketName: string, key: string, versionId: string): void {
  const bucket = findBucket(store, bucketName)
  store.change(() => {
    const version = findVersion(store, bucketName, key, versionId)
    if (!version) throw new S3Error('NoSuchVersion')
    const cause = { actor: lifecycleActor(), eventSequence: midnightSequence(store.now()) }
    removeVersion(store, bucket, version, { ...cause, event: 'LifecycleExpiration:Delete' })
  })
}

/** Moves a version to another storage class, as lifecycle does. */
export function transition(store: Store, bucketName: string, key: string, versionId: string, storageClass: string): void {
  const bucket = findBucket(store, bucketName)
  store.change(() => {
    const version = requireVersion(store, bucket, key, versionId)
    store.sql.run`update version set storage_class = ${storageClass} where id = ${version.id}`
    publishChange(store, bucket, { ...version, storageClass }, 'LifecycleTransition', lifecycleActor())
  })
}

/** Finishes a restore that was asked for: from now on the copy can be read, for the days asked for. */
export function completeRestore(store: Store, bucketName: string, key: string, versionId?: string): void {
  const bucket = findBucket(store, bucketName)
  store.change(() => {
    const version = requireVersion(store, bucket, key, versionId)
    if (!version.restore?.ongoing) throw new S3Error('InvalidObjectState')
    const expiresAt = restoreExpiry(store.now(), version.restore.days)
    const restored = setRestore(store, version, { ongoing: false, expiresAt })
    publishChange(store, bucket, restored, 'ObjectRestore:Completed', lifecycleActor())
  })
}

/** Ends the life of a restored copy; the archived version stays. */
export function expireRestore(store: Store, bucketName: string, key: string, versionId?: string): void {
  const bucket = findBucket(store, bucketName)
  store.change(() => {
    const version = requireVersion(store, bucket, key, versionId)
    if (!version.restore || version.restore.ongoing) throw new S3Error('InvalidObjectState')
    publishChange(store, bucket, setRestore(store, version, undefined), 'ObjectRestore:Delete', lifecycleActor())
  })
}

/** Asks for a restored copy, or changes the life of the one there is; true when the restore is new and under way. */
export function requestRestore(store: Store, bucket: Bucket, version: Version, days: number, actor: Actor): boolean {
  if (!archiveClasses.includes(version.storageClass)) {
    throw new S3Error('InvalidObjectState', {
      message: "Restore is not allowed for the object's current storage class",
      details: { StorageClass: version.storageClass },
    })
  }
  if (version.restore?.ongoing) throw new S3Error('RestoreAlreadyInProgress')
  if (version.restore) {
    setRestore(store, version, { ongoing: false, expiresAt: restoreExpiry(store.now(), days) })
    return false
  }
  store.change(() =>
    publishChange(store, bucket, setRestore(store, version, { ongoing: true, days }), 'ObjectRestore:Post', actor),
  )
  return true
}

/** Who acts when S3 acts by itself. */
function lifecycleActor(): Actor {
  return {
    principalId: 's3.amazonaws.com',
    sourceIp: 's3.amazonaws.com',
    requestId: randomBytes(8).toString('hex').toUpperCase(),
    hostId: randomBytes(48).toString('base64'),
  }
}

// "S3 rounds the resulting time to the next day midnight UTC" (RestoreObject).
function restoreExpiry(now: number, days: number): number {
  const day = 86_400_000
  return Math.ceil((now + days * day) / day) * day
}

function setRestore(store: Store, version: Version, restore: Restore | undefined): Version {
  store.sql.run`update version set restore = ${restore ? JSON.stringify(restore) : null} where id = ${version.id}`
  return { ...version, restore }
}
