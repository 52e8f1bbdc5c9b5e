import { type S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import pMap from 'p-map'
import {
  applyObservations,
  type EventAudit,
  type KeyName,
  type KnownLatest,
  keyId,
  type Observation,
  readKnownLatest,
} from '../catalog/observations.ts'
import type { Sql } from '../database/connection.ts'
import { Invalid } from '../errors.ts'
import { fetchLatest, type KeyFailure, resolveLatestEach } from '../observe/resolve-latest.ts'
import { headVersion, type VersionState } from '../s3/head-version.ts'
import { usableSequencer } from '../s3/sequencer.ts'
import type { ObjectEvent } from './events.ts'

/** Questions to S3 at once, of one batch. */
const LOOKS_AT_ONCE = 32

/** Why an event was not taken in: `Invalid` will never work, anything else may when it is tried again. */
export type IngestFailure = { event: ObjectEvent; error: unknown }

/**
 * Takes a batch of events into the catalog: asks S3 for the versions that they name, then writes what it answered with the
 * audit trail in one statement. Events may come in any order and any number of times, see docs/architecture.md. Answers the
 * events that S3 could not be asked about; the others are committed. Throws when the database fails: nothing is committed then.
 */
export async function ingest(sql: Sql, s3: S3Client, events: ObjectEvent[]): Promise<IngestFailure[]> {
  const named = groupByVersion(events)
  const keys = distinctKeys(events)
  if (keys.length === 0) return []
  const { asOf, latest } = await readKnownLatest(sql, keys)

  const failures: IngestFailure[] = []
  const observed = await pMap(
    named.filter(({ effect }) => effect !== 'none'),
    async version => {
      try {
        return [toObservation(version, await fetchState(s3, version))]
      } catch (error) {
        failures.push(...version.events.map(event => ({ event, error: isRefusal(error) ? new Invalid(String(error)) : error })))
        return []
      }
    },
    { concurrency: LOOKS_AT_ONCE },
  )
  const failKeys = (keys: KeyFailure[]) => {
    for (const { key, error } of keys)
      failures.push(...events.filter(e => keyId(e) === keyId(key)).map(event => ({ event, error })))
  }
  const byKey = Map.groupBy(observed.flat(), keyId)
  const doubtful = latest.filter(known => isDoubtful(known, byKey.get(keyId(known)) ?? []))
  const looks = await fetchLatest(s3, doubtful, observed.flat())
  failKeys(looks.failures)
  const failed = new Set(failures.map(({ event }) => event))
  const audited = events.filter(event => !failed.has(event)).map(toAudit)
  const unsettled = await applyObservations(sql, asOf, {
    observed: looks.observed,
    confirmedLatest: looks.confirmedLatest,
    audited,
  })
  failKeys(await resolveLatestEach(sql, s3, unsettled))
  return failures
}

type NamedVersion = KeyName & { versionId: string; effect: ObjectEvent['effect']; events: ObjectEvent[] }

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

function distinctKeys(events: ObjectEvent[]): KeyName[] {
  return [...new Map(events.map(event => [keyId(event), { bucket: event.bucket, key: event.key }])).values()]
}

async function fetchState(s3: S3Client, { effect, ...name }: NamedVersion): Promise<VersionState> {
  return effect === 'deleted' && name.versionId !== 'null' ? { state: 'gone' } : headVersion(s3, name)
}

function toObservation({ bucket, key, versionId, effect, events }: NamedVersion, current: VersionState): Observation {
  const creations = events.filter(event => event.effect === 'created')
  const creation = creations.toSorted((a, b) => a.occurredAt.getTime() - b.occurredAt.getTime()).at(-1)
  const known = { bucket, key, versionId, claimsLatest: creation !== undefined, createdBy: creation?.principalId }
  if (current.state === 'gone' && effect === 'created' && versionId !== 'null' && creation) {
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

/** Lifecycle stamps its markers with the midnight before, so they can sort before writes of the day that they hide. */
function orderOf({ name, sequencer }: ObjectEvent, lastModified: Date): string {
  return name.startsWith('LifecycleExpiration:') ? '' : usableSequencer(sequencer, lastModified)
}

/** A version that was gone before S3 could be asked: what its event says, until the event of its end comes. */
function stateFromEvent({ name, size = 0, etag, occurredAt }: ObjectEvent): VersionState {
  const isMarker = name.endsWith(':DeleteMarkerCreated')
  return isMarker ? { state: 'marker', lastModified: occurredAt } : { state: 'present', size, etag, lastModified: occurredAt }
}

/** Whether only S3 can tell the latest version, because the sequencers at hand can't. `apply_observations` decides the same, as of its own time. */
function isDoubtful(known: KnownLatest, observed: Observation[]): boolean {
  const live = observed.filter(({ state }) => state !== 'gone')
  const claims = live.filter(({ claimsLatest }) => claimsLatest)
  const sequencers = claims.map(({ sequencer }) => sequencer).sort()
  if (observed.length > live.length && observed.some(o => o.state === 'gone' && o.versionId === known.versionId)) return true
  if (claims.length === 0) return known.versionId === null && live.length > 0
  if (claims.length > 1 && (sequencers.includes('') || new Set(sequencers).size < claims.length)) return true
  const newest = claims.find(({ sequencer }) => sequencer === sequencers.at(-1))
  if (known.versionId === null || known.versionId === newest?.versionId) return false
  return newest?.sequencer === '' || known.sequencer === '' || newest?.sequencer === known.sequencer
}

/** S3 understood the question and will never answer it, for example because the version id is none. */
function isRefusal(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 400
}

function toAudit(event: ObjectEvent): EventAudit {
  const { bucket, key, versionId, occurredAt, principalId, sourceIp, eventId, name, requestId, size } = event
  return {
    bucket,
    key,
    versionId,
    occurredAt,
    userId: principalId,
    ipAddress: sourceIp,
    eventId,
    action: actionOf(name),
    metadata: { event: name, requestId, size },
  }
}

function actionOf(name: string): string {
  if (name === 'ObjectCreated:Copy') return 'COPY'
  const [family = ''] = name.split(':')
  return ACTIONS[family] ?? 'OTHER'
}

const ACTIONS: Record<string, string> = {
  ObjectCreated: 'UPLOAD',
  ObjectRemoved: 'DELETE',
  LifecycleExpiration: 'EXPIRE',
  LifecycleTransition: 'TRANSITION',
  IntelligentTiering: 'TRANSITION',
  ObjectTagging: 'TAG',
  ObjectRestore: 'RESTORE',
  ObjectAcl: 'ACL',
}
