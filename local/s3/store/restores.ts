import { S3Error } from '../errors.ts'
import { findBucket } from './buckets.ts'
import type { Actor } from './change.ts'
import { lifecycleActor } from './lifecycle.ts'
import { archiveClasses } from './storage-classes.ts'
import type { Store } from './store.ts'
import type { Bucket, Restore, Version } from './types.ts'
import { requireVersion, toVersion, type VersionRow } from './versions.ts'
import { publishChange } from './write-versions.ts'

/** Completes a requested restore: from now on the copy can be read, for the requested number of days. */
export function completeRestore(store: Store, bucketName: string, key: string, versionId?: string): void {
  const bucket = findBucket(store, bucketName)
  store.transaction(() => {
    const version = requireVersion(store, bucket, key, versionId)
    if (!version.restore?.ongoing) throw new S3Error('InvalidObjectState')
    const expiresAt = restoreExpiry(store.now(), version.restore.days)
    const restored = setRestore(store, version, { ongoing: false, expiresAt })
    publishChange(store, bucket, restored, 'ObjectRestore:Completed', lifecycleActor())
  })
}

/** Expires a restored copy. The archived version is kept. */
export function expireRestore(store: Store, bucketName: string, key: string, versionId?: string): void {
  const bucket = findBucket(store, bucketName)
  store.transaction(() => {
    const version = requireVersion(store, bucket, key, versionId)
    if (!version.restore || version.restore.ongoing) throw new S3Error('InvalidObjectState')
    publishChange(store, bucket, setRestore(store, version, undefined), 'ObjectRestore:Delete', lifecycleActor())
  })
}

/** How long a restore takes, in ms. S3 needs minutes to hours; the step between is what a program must handle. */
const RESTORE_MS = 2000

/** Completes the restores that were requested long enough ago, and expires the copies whose time is over. */
export function advanceRestores(store: Store): void {
  const rows = store.sql.all`select * from version where restore is not null` as VersionRow[]
  for (const version of rows.map(toVersion)) {
    const { bucket, key, versionId, restore } = version
    if (restore?.ongoing && restore.requestedAt + RESTORE_MS <= store.now()) completeRestore(store, bucket, key, versionId)
    else if (restore && !restore.ongoing && restore.expiresAt <= store.now()) expireRestore(store, bucket, key, versionId)
  }
}

/** Requests a restored copy, or changes the lifetime of an existing one. Returns true if a new restore has started. */
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
  store.transaction(() =>
    publishChange(
      store,
      bucket,
      setRestore(store, version, { ongoing: true, days, requestedAt: store.now() }),
      'ObjectRestore:Post',
      actor,
    ),
  )
  return true
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
