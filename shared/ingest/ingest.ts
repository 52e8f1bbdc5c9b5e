import type { S3Client } from '@aws-sdk/client-s3'
import pMap from 'p-map'
import { applyObservations, type Observation } from '../catalog/observations.ts'
import type { Sql } from '../database/connection.ts'
import { databaseTime } from '../database/time.ts'
import { Invalid } from '../errors.ts'
import { keyId, type VersionName } from '../names.ts'
import { refreshKeys } from '../refresh/refresh-keys.ts'
import { resolveLatest } from '../refresh/resolve-latest.ts'
import { headVersion, type VersionState } from '../s3/head-version.ts'
import { isBadRequest, S3_CONCURRENCY } from '../s3/requests.ts'
import { usableSequencer } from '../s3/sequencer.ts'
import { toAuditEntry } from './audit-entry.ts'
import type { ObjectEvent } from './object-event.ts'

/** An event that was not indexed. An `Invalid` error is permanent; after any other error a retry may succeed. */
export type IngestFailure = { event: ObjectEvent; error: unknown }

/**
 * Indexes a batch of events: asks S3 for the versions that they name, then writes the responses and the audit trail in one statement; then
 * asks S3 for all versions of the keys that events only hint at. Events
 * may come in any order and any number of times (docs/architecture.md). Returns the events for which S3 returned an error; the others are
 * committed. Throws when the database fails: then nothing is committed.
 */
export async function ingest(sql: Sql, s3: S3Client, events: ObjectEvent[]): Promise<IngestFailure[]> {
  if (events.length === 0) return []
  const asOf = await databaseTime(sql)

  const failures: IngestFailure[] = []
  const results = await pMap(
    groupByVersion(events.filter(({ effect }) => effect !== 'hint')).filter(({ effect }) => effect !== 'none'),
    async version => {
      try {
        return [toObservation(version, await fetchState(s3, version))]
      } catch (error) {
        const reason = isBadRequest(error) ? new Invalid(String(error)) : error
        failures.push(...version.events.map(event => ({ event, error: reason })))
        return []
      }
    },
    { concurrency: S3_CONCURRENCY },
  )
  const observed = results.flat()
  const failed = new Set(failures.map(({ event }) => event))
  const audited = events.filter(event => !failed.has(event)).map(toAuditEntry)
  const undecided = await applyObservations(sql, asOf, { observed, audited })
  const hinted = new Map(
    events.filter(({ effect }) => effect === 'hint').map(({ bucket, key }) => [keyId({ bucket, key }), { bucket, key }]),
  )
  const unsettled = [...(await resolveLatest(sql, s3, undecided)), ...(await refreshKeys(sql, s3, [...hinted.values()]))]
  for (const { key, error } of unsettled)
    failures.push(...events.filter(event => keyId(event) === keyId(key)).map(event => ({ event, error })))
  return failures
}

type NamedVersion = VersionName & { effect: ObjectEvent['effect']; events: ObjectEvent[] }

function groupByVersion(events: ObjectEvent[]): NamedVersion[] {
  const versions = Map.groupBy(events, event => JSON.stringify([keyId(event), event.versionId]))
  return [...versions.values()].map(named => {
    const [{ bucket, key, versionId }] = named as [ObjectEvent]
    const effects = new Set(named.map(({ effect }) => effect))
    // Deleting a real version is final; `null` may have been written again since.
    const order =
      versionId === 'null' ? (['created', 'deleted', 'details'] as const) : (['deleted', 'created', 'details'] as const)
    return { bucket, key, versionId, effect: order.find(effect => effects.has(effect)) ?? 'none', events: named }
  })
}

async function fetchState(s3: S3Client, { effect, ...name }: NamedVersion): Promise<VersionState> {
  return effect === 'deleted' && name.versionId !== 'null' ? { state: 'gone' } : headVersion(s3, name)
}

function toObservation({ bucket, key, versionId, effect, events }: NamedVersion, current: VersionState): Observation {
  const creations = events.filter(event => event.effect === 'created')
  const creation = creations.toSorted((a, b) => a.occurredAt.getTime() - b.occurredAt.getTime()).at(-1)
  const known = { bucket, key, versionId, claimsLatest: creation !== undefined, createdBy: creation?.principalId }
  if (current.state === 'gone' && effect === 'created' && versionId !== 'null' && creation?.announcesDeletions) {
    return {
      ...known,
      ...stateFromEvent(creation),
      isVerified: false,
      sequencer: orderOf(creation, creation.occurredAt),
    }
  }
  const sequencers = creations.map(event => orderOf(event, current.lastModified ?? new Date(Number.NaN)))
  return { ...known, ...current, isVerified: true, sequencer: sequencers.sort().at(-1) ?? '' }
}

/** The sequencers of lifecycle are not used: they are of the midnight before, and sort before writes of the day that they hide. */
function orderOf({ name, sequencer }: ObjectEvent, lastModified: Date): string {
  return name.startsWith('LifecycleExpiration:') ? '' : usableSequencer(sequencer, lastModified)
}

/** The state of a version that was deleted before S3 was asked: what its event says, until the event of its deletion comes. */
function stateFromEvent({ name, size = 0, etag, occurredAt }: ObjectEvent): VersionState {
  const isMarker = name.endsWith(':DeleteMarkerCreated')
  return isMarker ? { state: 'marker', lastModified: occurredAt } : { state: 'present', size, etag, lastModified: occurredAt }
}
