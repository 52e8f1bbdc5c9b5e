import { randomBytes } from 'node:crypto'
import type { EventAudit, Observation } from '../../shared/catalog/observations.ts'
import { usableSequencer } from '../../shared/s3/sequencer.ts'
import { corpus } from './search-corpus.ts'

/** What the indexer writes for one upload: the observation from S3, and the audit entry. */
export type BenchRecord = {
  observed: Observation &
    Required<Pick<Observation, 'size' | 'etag' | 'contentType' | 'lastModified'>> & { metadata: Record<string, string> }
  audited: EventAudit & Required<Pick<EventAudit, 'userId' | 'ipAddress'>>
}

/** A supply of uploads, mostly of different keys, for all measurements. */
export function openRecords(): { take(count: number): BenchRecord[] } {
  const objects = corpus(Number.MAX_SAFE_INTEGER)
  return { take: count => Array.from({ length: count }, () => buildRecord(objects.next().value!)) }
}

/** The next upload of the same keys: another version, the same metadata. */
export function overwrite(records: BenchRecord[]): BenchRecord[] {
  return records.map(({ observed }) => buildRecord(observed))
}

function buildRecord({
  key,
  contentType,
  metadata,
}: {
  key: string
  contentType: string
  metadata: Record<string, string>
}): BenchRecord {
  const name = { bucket: 'bench', key, versionId: randomBytes(24).toString('base64url') }
  const now = new Date()
  const sequencer = `00${Math.floor(now.getTime() / 1000).toString(16)}${process.hrtime.bigint().toString(16).slice(-8)}`
  return {
    observed: {
      ...name,
      state: 'present',
      isVerified: true,
      claimsLatest: true,
      size: key.length * 1000,
      etag: randomBytes(16).toString('hex'),
      contentType,
      lastModified: now,
      storageClass: 'STANDARD',
      metadata,
      tags: {},
      createdBy: 'AWS:AIDABENCH',
      sequencer: usableSequencer(sequencer, now),
    },
    audited: {
      ...name,
      occurredAt: now,
      userId: 'AWS:AIDABENCH',
      action: 'UPLOAD',
      ipAddress: '192.0.2.1',
      metadata: { event: 'ObjectCreated:Put', requestId: randomBytes(8).toString('hex') },
      eventId: randomBytes(32).toString('base64url'),
    },
  }
}
