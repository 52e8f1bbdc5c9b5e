import { Invalid } from '../errors.ts'
import { decodeKey, decodeKeyOf } from '../s3/key-encoding.ts'

/** What can be relied on in the notifications of one implementation of S3. */
export type Source = {
  /** The key of an event, decoded. Throws Invalid for one that cannot be. */
  readKey: (key: string) => string
  /**
   * What an event is believed: `everything`; `versions`, the versions that it names; or `nothing`. What is not believed is a hint that
   * something about the key has changed.
   */
  believed: 'everything' | 'versions' | 'nothing'
  /** Whether every deletion has an event, those by lifecycle rules included. */
  announcesDeletions: boolean
  /** Names of events that AWS gives another meaning, and AWS's names for them. */
  names?: Record<string, string>
  /** The time in a sequencer, for events whose `eventTime` is none. */
  readSequencer?: (sequencer: string) => Date | undefined
}

const formEncoded = (key: string) => decodeKeyOf('Key', key)

/** By `eventSource`. */
const SOURCES: Record<string, Source> = {
  // S3 user guide, "Event message structure".
  'aws:s3': { readKey: formEncoded, believed: 'everything', announcesDeletions: true },
  // Seen with radosgw 16.2.15: keys as they are; no version id for delete markers, copies and multipart uploads; now and then the time 0.000000.
  'ceph:s3': { readKey: key => key, believed: 'versions', announcesDeletions: false, readSequencer: timeOfCephSequencer },
  // cmd/event-notification.go and internal/event/name.go: form-encoded keys, and a change of tags or of a lock is a kind of creation.
  'minio:s3': {
    readKey: formEncoded,
    believed: 'versions',
    announcesDeletions: false,
    names: {
      'ObjectCreated:PutTagging': 'ObjectTagging:Put',
      'ObjectCreated:DeleteTagging': 'ObjectTagging:Delete',
      'ObjectCreated:PutRetention': 'ObjectRetention:Put',
      'ObjectCreated:PutLegalHold': 'ObjectLegalHold:Put',
    },
  },
}

/** Of an implementation that is not known: most encode keys as AWS does. */
const UNKNOWN: Source = { readKey: decodedOrSame, believed: 'nothing', announcesDeletions: false }

/** What an `eventSource` does. Throws Invalid for one that is no S3. */
export function sourceOf(eventSource: string): Source {
  const known = Object.hasOwn(SOURCES, eventSource) ? SOURCES[eventSource] : undefined
  if (known) return known
  if (!/^[\w.-]+:s3$/.test(eventSource)) throw new Invalid(`Event source ${eventSource} is not an S3, such as aws:s3`)
  return UNKNOWN
}

function decodedOrSame(key: string): string {
  try {
    return decodeKey(key)
  } catch {
    return key
  }
}

/** Seconds and nanoseconds since 1970, each as four bytes, the least significant one first, in hexadecimal (src/rgw/rgw_notify.cc). */
function timeOfCephSequencer(sequencer: string): Date | undefined {
  if (!/^[0-9A-F]{16}$/i.test(sequencer)) return undefined
  const bytes = Buffer.from(sequencer, 'hex')
  return new Date(bytes.readUInt32LE(0) * 1000 + bytes.readUInt32LE(4) / 1e6)
}
