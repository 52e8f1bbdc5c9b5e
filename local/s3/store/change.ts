import type { Bucket } from './types.ts'

/** The events that this endpoint sends, without the `s3:` of a notification configuration. */
export type EventName =
  | `ObjectCreated:${'Put' | 'Post' | 'Copy' | 'CompleteMultipartUpload'}`
  | `ObjectRemoved:${'Delete' | 'DeleteMarkerCreated'}`
  | `ObjectTagging:${'Put' | 'Delete'}`
  | `ObjectRestore:${'Post' | 'Completed' | 'Delete'}`
  | `LifecycleExpiration:${'Delete' | 'DeleteMarkerCreated'}`
  | 'LifecycleTransition'
  | 'ObjectAcl:Put'

/** Who made a change, and in which request. */
export type Actor = { principalId: string; sourceIp: string; requestId: string; hostId: string }

/** The principal of changes that S3 makes by itself: lifecycle rules, completed and expired restores. */
export const LIFECYCLE_PRINCIPAL = 's3.amazonaws.com'

/** One change of a bucket with all its fields. Fields that AWS omits from an event are omitted when the event is written. */
export type Change = {
  event: EventName
  bucket: Bucket
  key: string
  versionId: string
  size: number
  etag: string
  /** Set for created and removed versions only: AWS gives no other event a sequencer. */
  sequence?: number
  /** When it happened, in ms since 1970. */
  at: number
  actor: Actor
  storageClass: string
  restoreExpiresAt?: number
}
