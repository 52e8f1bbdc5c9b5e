import { randomUUID } from 'node:crypto'
import type { S3Event, S3EventRecord, S3NotificationEvent } from 'aws-lambda'
import { formEncode } from '../encoding.ts'
import type { Bucket } from '../store/buckets.ts'
import { type SequencerForm, sequencerOf } from '../store/sequence.ts'

/** The events of S3 that this endpoint knows, without the `s3:` of a notification configuration. */
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

/** One change of a bucket, as the store knows it; what AWS leaves out of its event is left out only when it is written. */
export type Change = {
  event: EventName
  bucket: Bucket
  key: string
  versionId: string
  size: number
  etag: string
  /** Only for what creates and removes: AWS gives no other event a sequencer. */
  sequence?: number
  at: number
  actor: Actor
  storageClass: string
  restoreExpiresAt?: number
}

/** The body that arrives in SQS: an S3 notification with one record, or an EventBridge event. */
export type S3Notification = S3Event | EventBridgeBody

/** An EventBridge event of S3; its detail leaves out what AWS leaves out, more than the published type allows. */
export type EventBridgeBody = Omit<S3NotificationEvent, 'detail' | 'detail-type' | 'version' | 'source'> & {
  version: '0'
  source: 'aws.s3'
  'detail-type': string
  detail: Record<string, unknown>
}

/** The two ways in which AWS sends events, each with a shape of its own. */
export type Transport = 'notification' | 'eventbridge'

/** Writes a change as AWS would send it ("Event message structure" and "EventBridge event message structure" of the S3 user guide). */
export function toNotification(change: Change, form: { sequencer: SequencerForm; transport: Transport }): S3Notification {
  return form.transport === 'notification' ? s3Notification(change, form.sequencer) : eventBridgeEvent(change, form.sequencer)
}

const LIFECYCLE = 's3.amazonaws.com'

/** The account of everything local: twelve zeros, as LocalStack has it. */
export const accountId = '000000000000'

const ownerPrincipalId = 'A1LOCALBUCKETOWNER'

function s3Notification(change: Change, sequencer: SequencerForm): S3Event {
  const { bucket, actor } = change
  const record = {
    eventVersion: eventVersion(change),
    eventSource: 'aws:s3',
    awsRegion: bucket.region,
    eventTime: new Date(change.at).toISOString(),
    eventName: change.event,
    userIdentity: { principalId: actor.principalId },
    requestParameters: { sourceIPAddress: actor.sourceIp },
    responseElements: { 'x-amz-request-id': actor.requestId, 'x-amz-id-2': actor.hostId },
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: 'catalog',
      bucket: { name: bucket.name, ownerIdentity: { principalId: ownerPrincipalId }, arn: `arn:aws:s3:::${bucket.name}` },
      object: {
        key: formEncode(change.key),
        ...(hasSize(change) ? { size: change.size } : {}),
        ...(isRemoval(change) ? {} : { eTag: change.etag }),
        ...(sendsVersionId(change) ? { versionId: change.versionId } : {}),
        ...(change.sequence === undefined ? {} : withSequencer(sequencerOf(change.sequence, sequencer))),
      },
    },
    ...extraData(change),
  }
  // The type says that size, eTag and sequencer are always there; AWS leaves them out where they make no sense.
  return { Records: [record as S3EventRecord] }
}

// 2.3 for lifecycle, ACL, tagging and the expiry of a restored copy, 2.1 for all else.
function eventVersion(change: Change): string {
  return /^(Lifecycle|ObjectAcl|ObjectTagging|ObjectRestore:Delete)/.test(change.event) ? '2.3' : '2.1'
}

const isRemoval = (change: Change) => /^(ObjectRemoved|LifecycleExpiration)/.test(change.event)

const hasSize = (change: Change) => /^(ObjectCreated|ObjectRestore:(Post|Completed)|LifecycleTransition)/.test(change.event)

const sendsVersionId = (change: Change) => change.versionId !== 'null' || change.bucket.versioning === 'Enabled'

const withSequencer = (sequencer: string | undefined) => (sequencer === undefined ? {} : { sequencer })

function extraData(change: Change): Record<string, unknown> {
  if (change.event === 'LifecycleTransition') {
    return { lifecycleEventData: { transitionEventData: { destinationStorageClass: change.storageClass } } }
  }
  if (change.event !== 'ObjectRestore:Completed') return {}
  return {
    glacierEventData: {
      restoreEventData: {
        lifecycleRestorationExpiryTime: new Date(change.restoreExpiresAt!).toISOString(),
        lifecycleRestoreStorageClass: change.storageClass,
      },
    },
  }
}

function eventBridgeEvent(change: Change, form: SequencerForm): EventBridgeBody {
  const { bucket, actor, event } = change
  const fromLifecycle = actor.principalId === LIFECYCLE
  // EventBridge spells AWS's sequencer in lower case and without the leading zeros.
  const sequencer =
    change.sequence === undefined ? undefined : sequencerOf(change.sequence, form)?.toLowerCase().replace(/^00/, '')
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': detailTypes[event],
    source: 'aws.s3',
    account: accountId,
    time: `${new Date(change.at).toISOString().slice(0, 19)}Z`,
    region: bucket.region,
    resources: [`arn:aws:s3:::${bucket.name}`],
    detail: {
      version: '0',
      bucket: { name: bucket.name },
      object: {
        key: change.key,
        ...(hasSize(change) ? { size: change.size } : {}),
        ...(isRemoval(change) ? {} : { etag: change.etag }),
        ...(sendsVersionId(change) ? { 'version-id': change.versionId } : {}),
        ...withSequencer(sequencer),
      },
      'request-id': actor.requestId,
      requester: fromLifecycle ? LIFECYCLE : accountId,
      ...(fromLifecycle ? {} : { 'source-ip-address': actor.sourceIp }),
      ...detailOf(change, fromLifecycle),
    },
  }
}

const detailTypes: Record<EventName, string> = {
  'ObjectCreated:Put': 'Object Created',
  'ObjectCreated:Post': 'Object Created',
  'ObjectCreated:Copy': 'Object Created',
  'ObjectCreated:CompleteMultipartUpload': 'Object Created',
  'ObjectRemoved:Delete': 'Object Deleted',
  'ObjectRemoved:DeleteMarkerCreated': 'Object Deleted',
  'LifecycleExpiration:Delete': 'Object Deleted',
  'LifecycleExpiration:DeleteMarkerCreated': 'Object Deleted',
  'ObjectTagging:Put': 'Object Tags Added',
  'ObjectTagging:Delete': 'Object Tags Deleted',
  'ObjectRestore:Post': 'Object Restore Initiated',
  'ObjectRestore:Completed': 'Object Restore Completed',
  'ObjectRestore:Delete': 'Object Restore Expired',
  LifecycleTransition: 'Object Storage Class Changed',
  'ObjectAcl:Put': 'Object ACL Updated',
}

const reasons: Partial<Record<EventName, string>> = {
  'ObjectCreated:Put': 'PutObject',
  'ObjectCreated:Post': 'POST Object',
  'ObjectCreated:Copy': 'CopyObject',
  'ObjectCreated:CompleteMultipartUpload': 'CompleteMultipartUpload',
}

function detailOf(change: Change, fromLifecycle: boolean): Record<string, string> {
  const { event } = change
  if (reasons[event]) return { reason: reasons[event] }
  if (isRemoval(change)) {
    return {
      reason: fromLifecycle ? 'Lifecycle Expiration' : 'DeleteObject',
      'deletion-type': event.endsWith('DeleteMarkerCreated') ? 'Delete Marker Created' : 'Permanently Deleted',
    }
  }
  if (event === 'LifecycleTransition') return { 'destination-storage-class': change.storageClass }
  if (event === 'ObjectRestore:Post') return { 'source-storage-class': change.storageClass }
  if (event !== 'ObjectRestore:Completed') return {}
  return {
    'restore-expiry-time': `${new Date(change.restoreExpiresAt!).toISOString().slice(0, 19)}Z`,
    'source-storage-class': change.storageClass,
  }
}
