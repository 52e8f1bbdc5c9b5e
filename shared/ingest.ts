import { type S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import pMap from 'p-map'
import type { Sql } from './connection.ts'
import { Conflict, Invalid } from './errors.ts'
import type { ObjectEvent } from './events.ts'
import { lookAtVersion, lookForLatest, type Sight } from './look.ts'
import {
  applyObservations,
  beforeLooking,
  type EventAudit,
  type KeyName,
  type KnownLatest,
  type LatestLook,
  type Observation,
} from './observations.ts'
import { believableSequencer } from './sequencer.ts'

/** Questions to S3 at once, of one batch. */
const LOOKS_AT_ONCE = 32

/** How often a key whose latest version changes while it is looked at is looked at again. */
const ROUNDS = 5

/** Why an event was not taken in: `Invalid` will never work, anything else may when it is tried again. */
export type Failure = { event: ObjectEvent; error: unknown }

/**
 * Takes a batch of events into the catalog: asks S3 for the versions that they name, then writes what it answered with the
 * audit trail in one statement. Events may come in any order and any number of times, see docs/architecture.md. Answers the
 * events that S3 could not be asked about; the others are committed. Throws when the database fails: nothing is committed then.
 */
export async function ingest(sql: Sql, s3: S3Client, events: ObjectEvent[]): Promise<Failure[]> {
  const named = groupByVersion(events)
  const keys = distinctKeys(events)
  if (keys.length === 0) return []
  const { asOf, latest } = await beforeLooking(sql, keys)

  const failures: Failure[] = []
  const observed = await pMap(
    named.filter(({ effect }) => effect !== 'none'),
    async version => {
      try {
        return [toObservation(version, await sightOf(s3, version))]
      } catch (error) {
        failures.push(...version.events.map(event => ({ event, error: isRefusal(error) ? new Invalid(String(error)) : error })))
        return []
      }
    },
    { concurrency: LOOKS_AT_ONCE },
  )
  const failed = new Set(failures.map(({ event }) => event))
  const audited = events.filter(event => !failed.has(event)).map(toAudit)
  const batch = { observed: observed.flat(), audited }

  const byKey = Map.groupBy(batch.observed, nameOf)
  const doubtful = latest.filter(known => isDoubtful(known, byKey.get(nameOf(known)) ?? []))
  const looks = await lookAgain(s3, doubtful, batch.observed)
  const unsettled = await applyObservations(sql, asOf, { ...batch, ...looks })
  await settle(sql, s3, unsettled)
  return failures
}

/** Looks at keys afresh and writes what S3 answers: their latest version, and the given versions. The way of every repair. */
export async function settle(sql: Sql, s3: S3Client, keys: KeyName[]): Promise<void> {
  let open = keys
  for (let round = 0; open.length > 0; round++) {
    if (round === ROUNDS)
      throw new Conflict(`${open[0]?.key} and ${open.length - 1} more keys change faster than they can be looked at`)
    const { asOf } = await beforeLooking(sql, open)
    const looks = await lookAgain(s3, open, [])
    open = await applyObservations(sql, asOf, looks)
  }
}

type NamedVersion = KeyName & { versionId: string; effect: ObjectEvent['effect']; events: ObjectEvent[] }

function groupByVersion(events: ObjectEvent[]): NamedVersion[] {
  const versions = Map.groupBy(events, event => JSON.stringify([nameOf(event), event.versionId]))
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
  return [...new Map(events.map(event => [nameOf(event), { bucket: event.bucket, key: event.key }])).values()]
}

async function sightOf(s3: S3Client, { effect, ...name }: NamedVersion): Promise<Sight> {
  return effect === 'deleted' && name.versionId !== 'null' ? { state: 'gone' } : lookAtVersion(s3, name)
}

function toObservation({ bucket, key, versionId, effect, events }: NamedVersion, sight: Sight): Observation {
  const creations = events.filter(event => event.effect === 'created')
  const creation = creations.toSorted((a, b) => a.occurredAt.getTime() - b.occurredAt.getTime()).at(-1)
  const known = { bucket, key, versionId, claimsLatest: creation !== undefined, createdBy: creation?.principalId }
  if (sight.state === 'gone' && effect === 'created' && versionId !== 'null' && creation) {
    return {
      ...known,
      ...sightOfEvent(creation),
      seen: false,
      sequencer: orderOf(creation, creation.occurredAt),
    }
  }
  const sequencers = creations.map(event => orderOf(event, sight.lastModified ?? new Date(Number.NaN)))
  return { ...known, ...sight, seen: true, sequencer: sequencers.sort().at(-1) ?? '' }
}

/** Lifecycle stamps its markers with the midnight before, so they can sort before writes of the day that they hide. */
function orderOf({ name, sequencer }: ObjectEvent, lastModified: Date): string {
  return name.startsWith('LifecycleExpiration:') ? '' : believableSequencer(sequencer, lastModified)
}

/** A version that was gone before S3 could be asked: what its event says, until the event of its end comes. */
function sightOfEvent({ name, size = 0, etag, occurredAt }: ObjectEvent): Sight {
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

/** The latest version of each key, and the observations with those versions among them. */
async function lookAgain(
  s3: S3Client,
  keys: KeyName[],
  observed: Observation[],
): Promise<{ looked: LatestLook[]; observed: Observation[] }> {
  const byKey = Map.groupBy(observed, nameOf)
  const found = await pMap(keys, key => lookAtKey(s3, key, byKey.get(nameOf(key)) ?? []), { concurrency: LOOKS_AT_ONCE })
  const added = new Map(found.flatMap(({ added }) => (added ? [[nameOf(added), added]] : [])))
  const kept = observed.filter(o => added.get(nameOf(o))?.versionId !== o.versionId)
  return { looked: found.map(({ looked }) => looked), observed: [...kept, ...added.values()] }
}

async function lookAtKey(
  s3: S3Client,
  key: KeyName,
  observed: Observation[],
): Promise<{ looked: LatestLook; added?: Observation }> {
  for (let round = 0; round < ROUNDS; round++) {
    const versionId = await lookForLatest(s3, key)
    const looked = { bucket: key.bucket, key: key.key, versionId }
    const known = observed.find(o => o.versionId === versionId)
    if (versionId === null || (known && known.state !== 'gone')) return { looked }
    const sight = await lookAtVersion(s3, { ...looked, versionId })
    const added = {
      bucket: key.bucket,
      key: key.key,
      claimsLatest: false,
      sequencer: '',
      ...known,
      ...sight,
      versionId,
      seen: true,
    }
    if (sight.state !== 'gone') return { looked, added }
  }
  throw new Conflict(`The latest version of ${key.key} is deleted faster than it can be looked at`)
}

/** S3 understood the question and will never answer it, for example because the version id is none. */
function isRefusal(error: unknown): boolean {
  return error instanceof S3ServiceException && error.$metadata.httpStatusCode === 400
}

/** Bucket names hold no slash, so this is as good an identity as the pair. */
function nameOf({ bucket, key }: KeyName): string {
  return `${bucket}/${key}`
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
