import { createHash } from 'node:crypto'
import type { S3EventRecord } from 'aws-lambda'
import { decodeKey } from '../../../shared/s3/key-encoding.ts'
import type { Implementation } from './implementations.ts'

/** What an event of AWS becomes: the body of another implementation's event, or undefined where it sends none. */
type Translation = (record: S3EventRecord, isVersioned: boolean) => object | undefined

/** The event of the same change as another implementation sends it. `body` is that of a notification of AWS; undefined where there is none. */
export function asEventOf(implementation: Implementation, body: string): string | undefined {
  const [record] = JSON.parse(body).Records as [S3EventRecord]
  const event = TRANSLATIONS[implementation](record, record.s3.object.versionId !== undefined)
  return event && JSON.stringify(event)
}

const TRANSLATIONS: Record<Implementation, Translation> = {
  // Seen with radosgw 16.2.15, which has no events for tags, restores and lifecycle.
  ceph(record) {
    const { eventName, s3 } = record
    if (!/^Object(Created|Removed):/.test(eventName)) return undefined
    const { key, size = 0, eTag = '', versionId = '', sequencer = '' } = s3.object
    const hasVersion = eventName === 'ObjectCreated:Put' || eventName === 'ObjectRemoved:Delete'
    const seconds = Number.parseInt(sequencer.slice(2, 10), 16)
    const bytes = Buffer.alloc(8)
    bytes.writeUInt32LE(seconds, 0)
    bytes.writeUInt32LE(hashOf(record) % 1_000_000_000, 4)
    return {
      Records: [
        {
          eventVersion: '2.2',
          eventSource: 'ceph:s3',
          awsRegion: '',
          eventTime: hashOf(record) % 3 === 0 ? '0.000000' : record.eventTime.replace('Z', '000Z'),
          eventName,
          userIdentity: { principalId: 'tester' },
          requestParameters: { sourceIPAddress: '' },
          responseElements: { 'x-amz-request-id': `tx-${hashOf(record)}`, 'x-amz-id-2': '1012-default-default' },
          s3: {
            ...s3,
            object: {
              ...{ key: decodeKey(key), size, eTag, versionId: hasVersion ? versionId : '' },
              ...{ sequencer: bytes.toString('hex').toUpperCase(), metadata: [], tags: [] },
            },
          },
          eventId: `${seconds}.000000.${eTag}`,
          opaqueData: '',
        },
      ],
    }
  },
  // cmd/event-notification.go and internal/event/name.go of MinIO; the body is that of its webhook.
  minio(record) {
    const { eventName, s3 } = record
    const name = MINIO_NAMES[eventName] ?? eventName
    const { versionId, eTag, size, key } = s3.object
    const object = {
      key: encodeURIComponent(decodeKey(key)).replaceAll('%20', '+'),
      sequencer: `17${hashOf(record)}`,
      versionId,
      eTag,
      size,
    }
    return {
      EventName: `s3:${name}`,
      Key: `${s3.bucket.name}/${decodeKey(key)}`,
      Records: [{ ...record, eventVersion: '2.0', eventSource: 'minio:s3', eventName: `s3:${name}`, s3: { ...s3, object } }],
    }
  },
  // moto/s3/notifications.py: no version id, sequencer, user and request.
  moto(record) {
    const { eventVersion, eventSource, awsRegion, eventTime, eventName, s3 } = record
    if (/^Lifecycle/.test(eventName)) return undefined
    // moto sends the same event for a delete and for a delete marker.
    const name = eventName.replace('DeleteMarkerCreated', 'Delete')
    const { key, size = 0, eTag = '' } = s3.object
    return {
      Records: [
        {
          eventVersion,
          eventSource,
          awsRegion,
          eventTime: eventTime.replace('Z', '000'),
          eventName: name,
          s3: { ...s3, object: { key, size, eTag } },
        },
      ],
    }
  },
}

/** Other names for the same changes. */
const MINIO_NAMES: Record<string, string> = {
  'ObjectTagging:Put': 'ObjectCreated:PutTagging',
  'ObjectTagging:Delete': 'ObjectCreated:DeleteTagging',
  'LifecycleExpiration:Delete': 'ObjectRemoved:Delete',
  'LifecycleExpiration:DeleteMarkerCreated': 'ObjectRemoved:DeleteMarkerCreated',
  LifecycleTransition: 'ObjectTransition:Complete',
}

function hashOf(record: S3EventRecord): number {
  return createHash('sha256').update(JSON.stringify(record)).digest().readUInt32BE()
}
