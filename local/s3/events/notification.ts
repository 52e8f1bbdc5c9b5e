import type { S3Event, S3EventRecord } from 'aws-lambda'
import { formEncode } from '../encoding.ts'
import type { Change } from '../store/change.ts'
import { hasSize, hasVersionId, isRemoval, optional } from './fields.ts'
import { type SequencerForm, sequencerOf } from './sequencer.ts'

const ownerPrincipalId = 'A1LOCALBUCKETOWNER'

/** Writes a change as an S3 notification ("Event message structure" of the S3 user guide). */
export function s3Notification(change: Change, sequencer: SequencerForm): S3Event {
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
        ...(hasVersionId(change) ? { versionId: change.versionId } : {}),
        ...optional('sequencer', change.sequence === undefined ? undefined : sequencerOf(change.sequence, sequencer)),
      },
    },
    ...extraData(change),
  }
  // The published type always has size, eTag and sequencer; AWS omits them where they have no meaning.
  return { Records: [record as S3EventRecord] }
}

// 2.3 for lifecycle, ACL, tagging and the expiry of a restored copy, 2.1 for everything else.
function eventVersion(change: Change): string {
  return /^(Lifecycle|ObjectAcl|ObjectTagging|ObjectRestore:Delete)/.test(change.event) ? '2.3' : '2.1'
}

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
