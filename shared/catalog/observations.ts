import type { Sql } from '../database/connection.ts'
import { fromStoredKey, toStoredKey, toStoredRecord, toStoredText, toStoredValues } from '../database/stored-text.ts'

/** A version as it was found in its backend. `key` is the key itself; times are Dates; `size` is bytes. */
export type Observation = {
  bucket: string
  key: string
  versionId: string
  state: 'present' | 'marker' | 'gone'
  /** The backend itself was asked; false where only an event was read. */
  isVerified: boolean
  /** The event at hand made this version: it is the latest unless a later one is known. */
  claimsLatest: boolean
  size?: number
  etag?: string
  contentType?: string
  lastModified?: Date
  storageBackend?: string
  storageClass?: string
  metadata?: Record<string, unknown>
  tags?: Record<string, string>
  createdBy?: string
  comment?: string
  /** From `believableSequencer`. */
  sequencer: string
}

/** Which version of a key the backend answers without a version id, as a look found it; null when the key has none. */
export type ConfirmedLatest = { bucket: string; key: string; versionId: string | null }

/** What an event says for the audit trail; `eventId` makes its repetitions one entry. */
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

/** A key of a bucket. */
export type KeyName = { bucket: string; key: string }

/** One text for a bucket and a key. Names of buckets may hold slashes (other backends' do), but no U+0000, so no two pairs have the same. */
export function keyId({ bucket, key }: KeyName): string {
  return `${bucket}\0${key}`
}

/** What the catalog knows of a key before its backend is asked; the sequencer is '' when there is none to believe. */
export type KnownLatest = KeyName & { versionId: string | null; sequencer: string }

/** The database's time in UTC, to the microsecond; as text it sorts as time does. */
export async function databaseTime(sql: Sql): Promise<string> {
  const [row] = await sql<{ asOf: string }[]>`select ${timeNow(sql)} as "asOf"`
  return row!.asOf
}

/**
 * The database's time, to be taken before the backend is asked anything, and the latest version known of each key. Of two
 * answers about one version the catalog keeps the one that was asked for later: an answer asked for after a change holds it.
 */
export async function readKnownLatest(sql: Sql, keys: KeyName[]): Promise<{ asOf: string; latest: KnownLatest[] }> {
  const named = keys.map(({ bucket, key }) => [bucket, toStoredKey(key)])
  const rows = await sql<{ asOf: string; n: number; versionId: string | null; sequencer: string }[]>`
    select ${timeNow(sql)} as "asOf", k.n, v.version_id as "versionId", coalesce(v.sequencer, '') as sequencer
    from jsonb_array_elements(${sql.json(named)}) with ordinality as k (name, n)
    left join storage_versions v on v.bucket = k.name ->> 0 and v.key = k.name ->> 1 and v.is_latest
    order by k.n
  `
  const latest = rows.map(({ n, versionId, sequencer }) => ({ ...keys[n - 1]!, versionId, sequencer }))
  return { asOf: rows[0]?.asOf ?? '', latest }
}

/**
 * Writes what was observed as of a time from `beforeLooking` (null: the moment of writing, for callers whose word is the truth), in
 * one statement and one transaction. Answers the keys whose latest version could not be told: look at them and apply again.
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
  // In the order of buckets: each batch takes its bucket's locks after those of the buckets before.
  const rows = await sql<{ bucket: string; unsettled: string[] }[]>`
    select b.bucket, to_jsonb(apply_observations(b.bucket, ${asOf}::text::timestamptz, b.observed, b.looked, b.audited)) as unsettled
    from jsonb_to_recordset(${sql.json(batches as never)}) as b (bucket text, observed jsonb, looked jsonb, audited jsonb)
  `
  return rows.flatMap(({ bucket, unsettled }) => unsettled.map(key => ({ bucket, key: fromStoredKey(key) })))
}

function timeNow(sql: Sql) {
  return sql`to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
}

function observationRow(o: Observation) {
  return {
    key: toStoredKey(o.key),
    version_id: o.versionId,
    state: o.state,
    seen: o.isVerified,
    claims_latest: o.claimsLatest,
    size: o.state === 'present' ? o.size : null,
    etag: stored(o.etag),
    content_type: stored(o.contentType),
    last_modified: o.lastModified,
    storage_backend: o.storageBackend,
    storage_class: o.storageClass,
    metadata: o.metadata && toStoredValues(o.metadata),
    tags: o.tags && toStoredRecord(o.tags),
    created_by: stored(o.createdBy),
    comment: stored(o.comment),
    sequencer: o.sequencer,
  }
}

function stored(text: string | undefined): string | undefined {
  return text === undefined ? undefined : toStoredText(text)
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
