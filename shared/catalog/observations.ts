import type { Sql } from '../database/connection.ts'
import { fromStoredKey, toStoredKey, toStoredRecord, toStoredTextOrNull, toStoredValues } from '../database/stored-text.ts'
import { utcText } from '../database/time.ts'
import type { KeyName, VersionName } from '../names.ts'

/** What is recorded of a version besides its name and size. Times are Dates, etags are without quotes. */
export type VersionDetails = {
  etag?: string
  contentType?: string
  lastModified?: Date
  storageBackend?: string
  storageClass?: string
  metadata?: Record<string, unknown>
  tags?: Record<string, string>
  createdBy?: string
  comment?: string
}

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

/** The latest version of a key as the catalog has it. The sequencer is '' when there is none that can be used. */
export type KnownLatest = KeyName & { versionId: string | null; sequencer: string }

/**
 * Reads the database's time and the latest version known of each key. Call it before the backend is asked: of two observations of one
 * version the catalog keeps the one whose time is later, because a request sent after a change returns that change.
 */
export async function readKnownLatest(sql: Sql, keys: KeyName[]): Promise<{ asOf: string; latest: KnownLatest[] }> {
  const names = keys.map(({ bucket, key }) => [bucket, toStoredKey(key)])
  const rows = await sql<{ asOf: string; n: number; versionId: string | null; sequencer: string }[]>`
    select ${utcText(sql, sql`clock_timestamp()`)} as "asOf", k.n, v.version_id as "versionId", coalesce(v.sequencer, '') as sequencer
    from jsonb_array_elements(${sql.json(names)}) with ordinality as k (name, n)
    left join catalog.storage_versions v on v.bucket = k.name ->> 0 and v.key = k.name ->> 1 and v.is_latest
    order by k.n
  `
  const latest = rows.map(({ n, versionId, sequencer }) => ({ ...keys[n - 1]!, versionId, sequencer }))
  return { asOf: rows[0]?.asOf ?? '', latest }
}

/**
 * Writes observations and audit entries in one statement and one transaction. `asOf` is the time from `readKnownLatest`; null is the moment
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
  const buckets = [...new Set([...observed, ...confirmedLatest, ...audited].map(({ bucket }) => bucket))].sort()
  const batches = buckets.map(bucket => ({
    bucket,
    observed: observed.filter(o => o.bucket === bucket).map(observationRow),
    looked: confirmedLatest.filter(l => l.bucket === bucket).map(l => ({ key: toStoredKey(l.key), version_id: l.versionId })),
    audited: audited.filter(a => a.bucket === bucket).map(auditRow),
  }))
  // Sorted by bucket: each batch takes its bucket's locks after those of the buckets before it.
  const rows = await sql<{ bucket: string; unsettled: string[] }[]>`
    select b.bucket, to_jsonb(catalog.apply_observations(b.bucket, ${asOf}::text::timestamptz, b.observed, b.looked, b.audited)) as unsettled
    from jsonb_to_recordset(${sql.json(batches as never)}) as b (bucket text, observed jsonb, looked jsonb, audited jsonb)
  `
  return rows.flatMap(({ bucket, unsettled }) => unsettled.map(key => ({ bucket, key: fromStoredKey(key) })))
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
