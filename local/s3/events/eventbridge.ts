import { randomUUID } from 'node:crypto'
import type { S3NotificationEvent } from 'aws-lambda'
import { ACCOUNT_ID } from '../../aws-account.ts'
import { type Change, type EventName, LIFECYCLE_PRINCIPAL } from '../store/change.ts'
import { hasSize, hasVersionId, isRemoval, optional } from './fields.ts'
import { type SequencerForm, sequencerOf } from './sequencer.ts'

/** An EventBridge event of S3. Its detail omits what AWS omits, which the published type does not allow. */
export type EventBridgeBody = Omit<S3NotificationEvent, 'detail' | 'detail-type' | 'version' | 'source'> & {
  version: '0'
  source: 'aws.s3'
  'detail-type': string
  detail: Record<string, unknown>
}

/** Writes a change as an EventBridge event ("EventBridge event message structure" of the S3 user guide). */
export function eventBridgeEvent(change: Change, form: SequencerForm): EventBridgeBody {
  const { bucket, actor, event } = change
  const fromLifecycle = actor.principalId === LIFECYCLE_PRINCIPAL
  // EventBridge writes AWS's sequencer in lower case and without the leading zeros.
  const sequencer =
    change.sequence === undefined ? undefined : sequencerOf(change.sequence, form)?.toLowerCase().replace(/^00/, '')
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': detailTypes[event],
    source: 'aws.s3',
    account: ACCOUNT_ID,
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
        ...(hasVersionId(change) ? { 'version-id': change.versionId } : {}),
        ...optional('sequencer', sequencer),
      },
      'request-id': actor.requestId,
      requester: fromLifecycle ? LIFECYCLE_PRINCIPAL : ACCOUNT_ID,
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
