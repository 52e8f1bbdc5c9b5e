import * as v from 'valibot'
import { Invalid } from '../errors.ts'
import { decodeKeyOf } from '../s3/key-encoding.ts'
import { Key, type ObjectEvent, readRecord, toEvent } from './object-event.ts'

/** Parses one record of an S3 notification. Throws Invalid with the reason. Source: S3 user guide, "Event message structure". */
export function parseNotification(input: unknown): ObjectEvent {
  const record = readRecord(NotificationRecord, input)
  // AWS: a new minor version only adds fields; another major one may mean anything.
  if (!/^2\.\d+$/.test(record.eventVersion)) throw new Invalid(`Event version ${record.eventVersion} is not supported, only 2.x`)
  if (record.eventSource !== 'aws:s3') throw new Invalid(`Event source ${record.eventSource} is not aws:s3`)
  const { bucket, object } = record.s3
  const requestId = record.responseElements?.['x-amz-request-id']
  return toEvent({
    name: record.eventName.replace(/^s3:/, ''),
    bucket: bucket.name,
    key: decodeKeyOf('Key', object.key),
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
