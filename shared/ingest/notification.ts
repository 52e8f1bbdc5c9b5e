import * as v from 'valibot'
import { Invalid } from '../errors.ts'
import { effectOf, Key, type ObjectEvent, readRecord, toEvent } from './object-event.ts'
import { type Source, sourceOf } from './sources.ts'

/** Parses one record of a notification of S3, or of another implementation of it. Throws Invalid with the reason. Source: S3 user guide, "Event message structure". */
export function parseNotification(input: unknown): ObjectEvent {
  const record = readRecord(NotificationRecord, input)
  // AWS: a new minor version only adds fields; another major one may mean anything.
  if (!/^2\.\d+$/.test(record.eventVersion)) throw new Invalid(`Event version ${record.eventVersion} is not supported, only 2.x`)
  const source = sourceOf(record.eventSource)
  const { bucket, object } = record.s3
  const sentName = record.eventName.replace(/^s3:/, '')
  const name = source.names?.[sentName] ?? sentName
  const requestId = record.responseElements?.['x-amz-request-id']
  return toEvent({
    name,
    announcesDeletions: source.announcesDeletions,
    isHint: isHint(source, name, object),
    bucket: bucket.name,
    key: source.readKey(object.key),
    versionId: object.versionId,
    sequencer: source.believed === 'everything' ? object.sequencer : undefined,
    size: object.size,
    etag: object.eTag,
    time: record.eventTime,
    ...(source.believed === 'everything' ? {} : { occurredAt: timeOf(source, record.eventTime, object.sequencer) }),
    principalId: record.userIdentity?.principalId,
    sourceIp: record.requestParameters?.sourceIPAddress,
    requestId: typeof requestId === 'string' ? requestId : undefined,
  })
}

/**
 * Whether an event only says that something about its key has changed. Where version ids may be missing, the one of an unversioned bucket
 * cannot be told from a missing one (also in events of `aws:s3` without a sequencer, as moto sends them); and Ceph returns 404 for the HEAD of a
 * delete marker, so that a listing must be asked.
 */
function isHint(
  { believed }: Source,
  name: string,
  { versionId, sequencer }: { versionId?: string; sequencer?: string },
): boolean {
  const effect = effectOf(name)
  if (effect === 'none') return false
  if (believed === 'everything') return effect !== undefined && !versionId && !sequencer
  return believed === 'nothing' || !versionId || versionId === 'null' || !effect || name.endsWith(':DeleteMarkerCreated')
}

/** The time of an event, or else the one in its sequencer, or now. */
function timeOf({ readSequencer }: Source, time: string, sequencer = ''): Date {
  const at = /^\d{4}-/.test(time) ? new Date(time) : readSequencer?.(sequencer)
  return at && !Number.isNaN(at.getTime()) ? at : new Date()
}

const NotificationRecord = v.object({
  eventVersion: v.string(),
  eventSource: v.string(),
  eventName: v.string(),
  eventTime: v.string(),
  userIdentity: v.optional(v.object({ principalId: v.optional(v.string()) })),
  requestParameters: v.optional(v.object({ sourceIPAddress: v.optional(v.string()) })),
  responseElements: v.optional(v.nullable(v.record(v.string(), v.unknown()))),
  s3: v.object({
    bucket: v.object({ name: v.pipe(v.string(), v.nonEmpty()) }),
    object: v.object({
      key: Key,
      size: v.optional(v.number()),
      eTag: v.optional(v.string()),
      versionId: v.optional(v.string()),
      sequencer: v.optional(v.string()),
    }),
  }),
})
