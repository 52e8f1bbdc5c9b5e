import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { toStoredText } from '../database/stored-text.ts'
import { Invalid } from '../errors.ts'
import { MAX_KEY_BYTES } from '../limits.ts'

/** One change of a bucket, the same whichever transport its event came by. `versionId` is 'null' where the event names none. */
export type ObjectEvent = {
  /** The name S3 notifications use, such as `ObjectCreated:Put`. */
  name: string
  /** What it does to the version; `hint`: something about the key has changed, and S3 must be asked what. */
  effect: 'created' | 'deleted' | 'details' | 'none' | 'hint'
  /** Whether the source sends an event for every deletion: then a version that is gone already is recorded until that event comes. */
  announcesDeletions: boolean
  bucket: string
  key: string
  versionId: string
  /** As sent; see `usableSequencer`. */
  sequencer?: string
  size?: number
  etag?: string
  occurredAt: Date
  principalId?: string
  sourceIp?: string
  requestId?: string
  /** The same for each delivery of the event, different for each event. */
  eventId: string
}

/** What an event says, as its transport names it. `occurredAt` is for a source whose `time` may be none. */
export type EventFacts = Omit<ObjectEvent, 'effect' | 'occurredAt' | 'eventId' | 'versionId'> & {
  time: string
  versionId?: string
  occurredAt?: Date
  isHint?: boolean
}

/** Makes an event of its facts. Throws Invalid for an unknown name, a key that is too long and a malformed time. */
export function toEvent(facts: EventFacts): ObjectEvent {
  const { name, bucket, key, time, versionId: sentId, principalId, sourceIp, isHint, ...rest } = facts
  const effect = isHint ? 'hint' : effectOf(name)
  if (!effect) throw new Invalid(`Event ${name} is unknown`)
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) throw new Invalid('A key has at most 1,024 bytes')
  const { occurredAt = new Date(time) } = rest
  if (Number.isNaN(occurredAt.getTime())) throw new Invalid(`Event time ${time} is not a time`)
  const versionId = sentId || 'null'
  const identity = JSON.stringify([name, bucket, key, versionId, rest.sequencer, time, rest.requestId])
  return {
    ...rest,
    name,
    effect,
    bucket,
    key,
    versionId,
    occurredAt,
    principalId: principalId ? toStoredText(principalId) : undefined,
    sourceIp: sourceIp ? toStoredText(sourceIp) : undefined,
    eventId: createHash('sha256').update(identity).digest('base64url'),
  }
}

/** A string that is not empty. */
export const Key = v.pipe(v.string(), v.nonEmpty('A key is not empty'))

/** Reads a record by its schema. Throws Invalid, naming the field. */
export function readRecord<T extends v.GenericSchema>(schema: T, record: unknown): v.InferOutput<T> {
  const result = v.safeParse(schema, record)
  if (result.success) return result.output
  const [issue] = result.issues
  throw new Invalid(`${v.getDotPath(issue) ?? 'record'}: ${issue.message}`)
}

/** What an event of this name does to a version; undefined for an unknown name. */
export function effectOf(name: string): Exclude<ObjectEvent['effect'], 'hint'> | undefined {
  return EFFECTS.find(([pattern]) => pattern.test(name))?.[1]
}

/** By the first pattern that matches. Source: S3 user guide, "Supported event types". */
const EFFECTS: [RegExp, Exclude<ObjectEvent['effect'], 'hint'>][] = [
  [/^ObjectCreated:/, 'created'],
  [/^(ObjectRemoved|LifecycleExpiration):DeleteMarkerCreated$/, 'created'],
  [/^(ObjectRemoved|LifecycleExpiration):Delete$/, 'deleted'],
  [/^ObjectTagging:/, 'details'],
  [/^ObjectRestore:/, 'details'],
  [/^(LifecycleTransition|IntelligentTiering)$/, 'details'],
  [/^(ObjectAcl:|ObjectAccessed:|ObjectAnnotation:|ReducedRedundancyLostObject$|Replication:)/, 'none'],
]
