import type { Sql } from '../database/connection.ts'
import { jsonParameter } from '../database/json-parameter.ts'
import { fromStoredKey, toStoredKey, toStoredRecord, toStoredTextOrNull, toStoredValues } from '../database/stored-text.ts'
import type { KeyName, VersionName } from '../names.ts'

/** What the tables hold of every version, besides its size. Etags are without quotes. */
export type StoredDetails = VersionName & {
  etag: string | null
  contentType: string | null
  lastModified: Date
  storageBackend: string
  storageClass: string
  metadata: Record<string, unknown>
  tags: Record<string, string>
  createdAt: Date
}

/** What can be recorded of a version besides its name and size. `claimedBy` is the caller of the API who gave `createdBy`. */
export type VersionDetails = {
  [Field in Exclude<keyof StoredDetails, keyof VersionName | 'createdAt'>]?: NonNullable<StoredDetails[Field]>
} & { createdBy?: string; claimedBy?: string; comment?: string }

/** A version as it was found in its backend. `size` is bytes. */
export type Observation = VersionName &
  VersionDetails & {
    state: 'present' | 'marker' | 'gone'
    /** The backend itself was asked; false where only an event was read. */
    isVerified: boolean
    /** The event at hand made this version: it is the latest unless a later one is known. */
    claimsLatest: boolean
    size?: number
    /** From `usableSequencer`. */
    sequencer: string
  }

/** The observation of a version that the backend was asked about, not one that an event reports. */
export function verified(version: VersionName, found: VersionDetails & Pick<Observation, 'state' | 'size'>): Observation {
  return { ...found, ...version, isVerified: true, claimsLatest: false, sequencer: '' }
}

/** The version that the backend returned for a key without a version id; null when the key has none. */
export type ConfirmedLatest = KeyName & { versionId: string | null }

/** The audit entry of an event. Repeated deliveries have the same `eventId` and make one entry. */
export type EventAudit = {
  bucket: string
  key: string
  versionId: string
  occurredAt: Date
  userId?: string
  action: string
  ipAddress?: string
  metadata: Record<string, unknown>
  eventId: string
}

/**
 * Writes observations and audit entries in one statement and one transaction. `asOf` is the `databaseTime` from before the backend was asked; null is the moment
 * of writing, for callers whose input is authoritative. Returns the keys whose latest version is undecided: fetch it and apply again.
 */
export async function applyObservations(
  sql: Sql,
  asOf: string | null,
  {
    observed = [],
    confirmedLatest = [],
    audited = [],
  }: { observed?: Observation[]; confirmedLatest?: ConfirmedLatest[]; audited?: EventAudit[] },
): Promise<KeyName[]> {
  const byBucket = {
    observed: Map.groupBy(observed, ({ bucket }) => bucket),
    confirmed: Map.groupBy(confirmedLatest, ({ bucket }) => bucket),
    audited: Map.groupBy(audited, ({ bucket }) => bucket),
  }
  const buckets = new Set(Object.values(byBucket).flatMap(groups => [...groups.keys()]))
  const batches = [...buckets].map(bucket => ({
    bucket,
    observed: (byBucket.observed.get(bucket) ?? []).map(observationRow),
    confirmed: (byBucket.confirmed.get(bucket) ?? []).map(l => ({ key: toStoredKey(l.key), version_id: l.versionId })),
    audited: (byBucket.audited.get(bucket) ?? []).map(auditRow),
  }))
  const rows = await sql<KeyName[]>`
    select bucket, undecided_key as key
    from catalog.apply_observations(${asOf}::text::timestamptz, ${jsonParameter(sql, batches)})
  `
  return rows.map(({ bucket, key }) => ({ bucket, key: fromStoredKey(key) }))
}

function observationRow(o: Observation) {
  return {
    key: toStoredKey(o.key),
    version_id: o.versionId,
    state: o.state,
    is_verified: o.isVerified,
    claims_latest: o.claimsLatest,
    size: o.state === 'present' ? o.size : null,
    etag: toStoredTextOrNull(o.etag),
    content_type: toStoredTextOrNull(o.contentType),
    last_modified: o.lastModified,
    storage_backend: o.storageBackend,
    storage_class: o.storageClass,
    metadata: o.metadata && toStoredValues(o.metadata),
    tags: o.tags && toStoredRecord(o.tags),
    created_by: toStoredTextOrNull(o.createdBy),
    claimed_by: toStoredTextOrNull(o.claimedBy),
    comment: toStoredTextOrNull(o.comment),
    sequencer: o.sequencer,
  }
}

function auditRow(a: EventAudit) {
  return {
    occurred_at: a.occurredAt,
    user_id: a.userId,
    action: a.action,
    key: toStoredKey(a.key),
    version_id: a.versionId,
    ip_address: a.ipAddress,
    metadata: a.metadata,
    event_id: a.eventId,
  }
}
