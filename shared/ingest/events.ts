import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { toStoredText } from '../database/stored-text.ts'
import { Invalid } from '../errors.ts'

/** One change of a bucket, whichever way its event came. `versionId` is 'null' where the event names none. */
export type ObjectEvent = {
  /** The name S3 notifications use, such as `ObjectCreated:Put`. */
  name: string
  effect: 'created' | 'deleted' | 'details' | 'none'
  bucket: string
  key: string
  versionId: string
  /** As sent; see `believableSequencer`. */
  sequencer?: string
  size?: number
  etag?: string
  occurredAt: Date
  principalId?: string
  sourceIp?: string
  requestId?: string
  /** Equal for each delivery of the event, different for each event. */
  eventId: string
}

/**
 * Normalises one message body: an S3 notification (any number of `Records`) or one EventBridge event. Nothing behind it
 * knows which it was. `s3:TestEvent` is no record at all. A body or record that is neither throws Invalid with the reason;
 * of a body with many records, each is parsed on its own by `parseRecord`.
 */
export function recordsOf(body: string): unknown[] {
  const message = parse(body)
  if ('Records' in message && Array.isArray(message.Records)) return message.Records
  if (message.Event === 's3:TestEvent') return []
  if ('detail-type' in message) return [message]
  throw new Invalid('Neither an S3 notification nor an EventBridge event of S3')
}

/** One record of `recordsOf` as an event. Throws Invalid with the reason. */
export function parseRecord(record: unknown): ObjectEvent {
  const isBridge = typeof record === 'object' && record !== null && 'detail-type' in record
  return isBridge ? fromEventBridge(read(BridgeEvent, record)) : fromNotification(read(NotificationRecord, record))
}

const Text = v.string()
const Key = v.pipe(Text, v.nonEmpty('A key is not empty'))

const NotificationRecord = v.object({
  eventVersion: Text,
  eventSource: Text,
  eventName: Text,
  eventTime: Text,
  userIdentity: v.optional(v.object({ principalId: v.optional(Text) })),
  requestParameters: v.optional(v.object({ sourceIPAddress: v.optional(Text) })),
  responseElements: v.optional(v.nullable(v.record(Text, v.unknown()))),
  s3: v.object({
    bucket: v.object({ name: v.pipe(Text, v.nonEmpty()) }),
    object: v.object({
      key: Key,
      size: v.optional(v.number()),
      eTag: v.optional(Text),
      versionId: v.optional(Text),
      sequencer: v.optional(Text),
    }),
  }),
})

const BridgeEvent = v.object({
  source: v.literal('aws.s3', 'Only events of aws.s3 are understood'),
  'detail-type': Text,
  time: Text,
  id: v.optional(Text),
  detail: v.object({
    bucket: v.object({ name: v.pipe(Text, v.nonEmpty()) }),
    object: v.object({
      key: Key,
      size: v.optional(v.number()),
      etag: v.optional(Text),
      'version-id': v.optional(Text),
      sequencer: v.optional(Text),
    }),
    'request-id': v.optional(Text),
    requester: v.optional(Text),
    'source-ip-address': v.optional(Text),
    reason: v.optional(Text),
    'deletion-type': v.optional(Text),
  }),
})

function fromNotification(record: v.InferOutput<typeof NotificationRecord>): ObjectEvent {
  // AWS: a new minor version only adds fields; another major one may mean anything.
  if (!/^2\.\d+$/.test(record.eventVersion)) throw new Invalid(`Event version ${record.eventVersion} is not understood, only 2.x`)
  if (record.eventSource !== 'aws:s3') throw new Invalid(`Event source ${record.eventSource} is not aws:s3`)
  const { bucket, object } = record.s3
  const requestId = record.responseElements?.['x-amz-request-id']
  return event({
    name: record.eventName.replace(/^s3:/, ''),
    bucket: bucket.name,
    key: decodeKey(object.key),
    versionId: object.versionId,
    sequencer: object.sequencer,
    size: object.size,
    etag: object.eTag,
    time: record.eventTime,
    principalId: record.userIdentity?.principalId,
    sourceIp: record.requestParameters?.sourceIPAddress,
    requestId: typeof requestId === 'string' ? requestId : undefined,
  })
}

function fromEventBridge({ 'detail-type': type, time, id, detail }: v.InferOutput<typeof BridgeEvent>): ObjectEvent {
  return event({
    name: bridgeName(type, detail.reason, detail['deletion-type']),
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

/** The notification's name of an EventBridge detail type. Source: S3 user guide, "EventBridge event message structure". */
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
  if (!name) throw new Invalid(`Detail type ${type} is not understood`)
  return name
}

const CREATED_BY: Record<string, string> = {
  PutObject: 'Put',
  'POST Object': 'Post',
  CopyObject: 'Copy',
  CompleteMultipartUpload: 'CompleteMultipartUpload',
}

/** What an event of this name does to a version. Source: S3 user guide, "Supported event types". */
const EFFECTS: [RegExp, ObjectEvent['effect']][] = [
  [/^ObjectCreated:/, 'created'],
  [/^(ObjectRemoved|LifecycleExpiration):DeleteMarkerCreated$/, 'created'],
  [/^(ObjectRemoved|LifecycleExpiration):Delete$/, 'deleted'],
  [/^ObjectTagging:/, 'details'],
  [/^ObjectRestore:/, 'details'],
  [/^(LifecycleTransition|IntelligentTiering)$/, 'details'],
  [/^(ObjectAcl:|ObjectAnnotation:|ReducedRedundancyLostObject$|Replication:)/, 'none'],
]

function event(facts: {
  name: string
  bucket: string
  key: string
  versionId?: string
  sequencer?: string
  size?: number
  etag?: string
  time: string
  principalId?: string
  sourceIp?: string
  requestId?: string
}): ObjectEvent {
  const { name, bucket, key, time, versionId: sentId, principalId, sourceIp, ...rest } = facts
  const effect = EFFECTS.find(([pattern]) => pattern.test(name))?.[1]
  if (!effect) throw new Invalid(`Event ${name} is not understood`)
  if (Buffer.byteLength(key) > 1024) throw new Invalid('A key has at most 1,024 bytes')
  const occurredAt = new Date(time)
  if (Number.isNaN(occurredAt.getTime())) throw new Invalid(`Event time ${time} is no time`)
  const versionId = sentId || 'null'
  const identity = JSON.stringify([name, bucket, key, versionId, rest.sequencer, time, rest.requestId])
  return {
    ...rest,
    name,
    effect,
    bucket,
    key,
    versionId,
    occurredAt,
    principalId: principalId === undefined ? undefined : toStoredText(principalId),
    sourceIp: sourceIp === undefined ? undefined : toStoredText(sourceIp),
    eventId: createHash('sha256').update(identity).digest('base64url'),
  }
}

/** Keys of notifications are form-encoded: `+` is a space, the rest percent-encoded UTF-8. */
function decodeKey(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '))
  } catch {
    throw new Invalid(`Key ${encoded} is not form-encoded UTF-8`)
  }
}

function parse(body: string): Record<string, unknown> {
  try {
    return v.parse(v.record(v.string(), v.unknown()), JSON.parse(body))
  } catch {
    throw new Invalid('The message is no JSON object')
  }
}

function read<T extends v.GenericSchema>(schema: T, record: unknown): v.InferOutput<T> {
  const result = v.safeParse(schema, record)
  if (result.success) return result.output
  const [issue] = result.issues
  throw new Invalid(`${v.getDotPath(issue) ?? 'record'}: ${issue.message}`)
}
