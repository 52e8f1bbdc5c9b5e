import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { toStoredText } from '../database/stored-text.ts'
import { Invalid } from '../errors.ts'
import { MAX_KEY_BYTES } from '../limits.ts'

/** One change of a bucket, the same whichever transport its event came by. `versionId` is 'null' where the event names none. */
export type ObjectEvent = {
  /** The name S3 notifications use, such as `ObjectCreated:Put`. */
  name: string
  effect: 'created' | 'deleted' | 'details' | 'none'
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

/** What an event says, as its transport names it. */
export type EventFacts = Omit<ObjectEvent, 'effect' | 'occurredAt' | 'eventId' | 'versionId'> & {
  time: string
  versionId?: string
}

/** Makes an event of its facts. Throws Invalid for an unknown name, a key that is too long and a malformed time. */
export function toEvent(facts: EventFacts): ObjectEvent {
  const { name, bucket, key, time, versionId: sentId, principalId, sourceIp, ...rest } = facts
  const effect = EFFECTS.find(([pattern]) => pattern.test(name))?.[1]
  if (!effect) throw new Invalid(`Event ${name} is unknown`)
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) throw new Invalid('A key has at most 1,024 bytes')
  const occurredAt = new Date(time)
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
    principalId: principalId === undefined ? undefined : toStoredText(principalId),
    sourceIp: sourceIp === undefined ? undefined : toStoredText(sourceIp),
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

/** What an event of this name does to a version, by the first pattern that matches. Source: S3 user guide, "Supported event types". */
const EFFECTS: [RegExp, ObjectEvent['effect']][] = [
  [/^ObjectCreated:/, 'created'],
  [/^(ObjectRemoved|LifecycleExpiration):DeleteMarkerCreated$/, 'created'],
  [/^(ObjectRemoved|LifecycleExpiration):Delete$/, 'deleted'],
  [/^ObjectTagging:/, 'details'],
  [/^ObjectRestore:/, 'details'],
  [/^(LifecycleTransition|IntelligentTiering)$/, 'details'],
  [/^(ObjectAcl:|ObjectAnnotation:|ReducedRedundancyLostObject$|Replication:)/, 'none'],
]
