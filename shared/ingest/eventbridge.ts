import * as v from 'valibot'
import { Invalid } from '../errors.ts'
import { Key, type ObjectEvent, readRecord, toEvent } from './object-event.ts'

/** Parses one EventBridge event of S3; its key is not encoded. Throws Invalid with the reason. Source: S3 user guide, "EventBridge event message structure". */
export function parseEventBridge(input: unknown): ObjectEvent {
  const { 'detail-type': type, time, id, detail } = readRecord(BridgeEvent, input)
  return toEvent({
    name: bridgeName(type, detail.reason, detail['deletion-type']),
    announcesDeletions: true,
    bucket: detail.bucket.name,
    key: detail.object.key.toWellFormed(),
    versionId: detail.object['version-id'],
    sequencer: detail.object.sequencer,
    size: detail.object.size,
    etag: detail.object.etag,
    time,
    principalId: detail.requester,
    sourceIp: detail['source-ip-address'],
    requestId: detail['request-id'] ?? id,
  })
}

/** The name that a notification of the same change has. */
function bridgeName(type: string, reason = '', deletion = ''): string {
  const isMarker = deletion === 'Delete Marker Created'
  const names: Record<string, string> = {
    'Object Created': `ObjectCreated:${CREATED_BY[reason] ?? 'Put'}`,
    'Object Deleted': `${reason === 'Lifecycle Expiration' ? 'LifecycleExpiration' : 'ObjectRemoved'}:${isMarker ? 'DeleteMarkerCreated' : 'Delete'}`,
    'Object Restore Initiated': 'ObjectRestore:Post',
    'Object Restore Completed': 'ObjectRestore:Completed',
    'Object Restore Expired': 'ObjectRestore:Delete',
    'Object Tags Added': 'ObjectTagging:Put',
    'Object Tags Deleted': 'ObjectTagging:Delete',
    'Object ACL Updated': 'ObjectAcl:Put',
    'Object Storage Class Changed': 'LifecycleTransition',
    'Object Access Tier Changed': 'IntelligentTiering',
  }
  const name = names[type]
  if (!name) throw new Invalid(`Detail type ${type} is unknown`)
  return name
}

const CREATED_BY: Record<string, string> = {
  PutObject: 'Put',
  'POST Object': 'Post',
  CopyObject: 'Copy',
  CompleteMultipartUpload: 'CompleteMultipartUpload',
}

const BridgeEvent = v.object({
  source: v.literal('aws.s3', 'Only events of aws.s3 are supported'),
  'detail-type': v.string(),
  time: v.string(),
  id: v.optional(v.string()),
  detail: v.object({
    bucket: v.object({ name: v.pipe(v.string(), v.nonEmpty()) }),
    object: v.object({
      key: Key,
      size: v.optional(v.number()),
      etag: v.optional(v.string()),
      'version-id': v.optional(v.string()),
      sequencer: v.optional(v.string()),
    }),
    'request-id': v.optional(v.string()),
    requester: v.optional(v.string()),
    'source-ip-address': v.optional(v.string()),
    reason: v.optional(v.string()),
    'deletion-type': v.optional(v.string()),
  }),
})
