import * as v from 'valibot'
import { GRACE_SECONDS, MAX_BATCH_ITEMS, MAX_EXECUTION_MS, REQUEST_RATE } from '../limits.ts'
import { MANIFEST_URL, RUN_KINDS } from '../names.ts'
import * as p from './parameters.ts'

/** Seconds. */
const WEEK = 604_800

/** A page of a list. */
export const page = { limit: v.optional(p.limit), cursor: v.optional(p.cursor) }

/** A range of time: `from` is inclusive, `to` exclusive. */
export const span = { from: v.optional(p.time), to: v.optional(p.time) }

/** The bucket, if it is not the default one. */
export const inBucket = { bucket: v.optional(p.bucket) }

/** The same, to write about. */
export const inContainer = { bucket: v.optional(p.container) }

/** The same, in S3. */
export const inS3Bucket = { bucket: v.optional(p.s3Bucket) }

/** A key of a bucket. */
export const named = { ...inBucket, key: p.key }

const textOf = (maxBytes: number) => v.optional(p.text(maxBytes))

/** What callers may record of an object and of a version, of any backend but S3. */
export const details = {
  contentType: textOf(1024),
  etag: textOf(1024),
  lastModified: v.optional(p.time),
  storageBackend: p.otherBackend,
  storageClass: v.optional(p.name(64)),
  metadata: v.optional(p.metadata),
  tags: v.optional(p.texts),
  createdBy: textOf(1024),
  comment: textOf(16_384),
}

/** An entry of the audit trail. */
export const auditEntry = p.object({
  action: p.action,
  occurredAt: v.optional(p.time),
  userId: textOf(1024),
  userName: textOf(1024),
  ...inContainer,
  key: v.optional(p.key),
  versionId: v.optional(p.versionId),
  ipAddress: textOf(255),
  userAgent: textOf(8192),
  success: v.optional(v.boolean('must be true or false')),
  errorMessage: textOf(16_384),
  metadata: v.optional(p.metadata),
})

/** An execution of a hook. */
export const hookExecution = p.object({
  hookName: p.name(255),
  eventType: p.name(255),
  ...inContainer,
  key: v.optional(p.key),
  executionTimeMs: v.pipe(
    v.number('must be a number'),
    v.minValue(0, 'must not be negative'),
    v.maxValue(MAX_EXECUTION_MS, `must be at most ${MAX_EXECUTION_MS}`),
  ),
  success: v.boolean('must be true or false'),
  error: textOf(16_384),
  payload: v.optional(p.json),
  response: v.optional(p.json),
  executedAt: v.optional(p.time),
})

/** One item or an array of up to 1,000; validation returns an array. */
export function oneOrMany<const S extends v.GenericSchema>(schema: S) {
  const many = v.pipe(
    v.array(schema),
    v.minLength(1, 'must not be empty'),
    v.maxLength(MAX_BATCH_ITEMS, `must be at most ${MAX_BATCH_ITEMS} items`),
  )
  const one = v.pipe(
    schema,
    v.transform(item => [item]),
  )
  return v.lazy((body): typeof one | typeof many => (Array.isArray(body) ? many : one))
}

/** How long a presigned URL is valid, in seconds. S3 allows a week. */
export const expiresIn = {
  inQuery: p.count(1, WEEK),
  inBody: v.pipe(
    v.number('must be a number'),
    v.integer('must be a whole number'),
    v.minValue(1, 'must be at least 1'),
    v.maxValue(WEEK, `must be at most ${WEEK}`),
  ),
}

/** A number in a body, from `least` to `most`. */
const within = (least: number, most: number) =>
  v.pipe(
    v.number('must be a number'),
    v.minValue(least, `must be a number from ${least} to ${most}`),
    v.maxValue(most, `must be a number from ${least} to ${most}`),
  )

/** The fields of a start that only one kind of run has. */
const FIELDS_OF_KIND = [
  ['manifest', 'inventory'],
  ['dryRun', 'reconcile'],
  ['sampleRate', 'reconcile'],
  ['graceSeconds', 'reconcile'],
  ['bucketDeleted', 'reconcile'],
] as const

/** What to start a run of the reconciler with. */
export const reconcileStart = v.pipe(
  p.object({
    kind: v.optional(v.picklist(RUN_KINDS, `must be one of ${RUN_KINDS.join(', ')}`), 'reconcile'),
    ...inS3Bucket,
    prefix: v.optional(p.prefix),
    dryRun: v.optional(v.boolean('must be true or false')),
    fresh: v.optional(v.boolean('must be true or false')),
    requestsPerSecond: v.optional(within(REQUEST_RATE.min, REQUEST_RATE.max)),
    sampleRate: v.optional(within(0, 1)),
    graceSeconds: v.optional(within(0, GRACE_SECONDS.max)),
    bucketDeleted: v.optional(v.boolean('must be true or false')),
    manifest: v.optional(v.pipe(p.text(2048), v.regex(MANIFEST_URL, 'must be s3://bucket/.../manifest.json'))),
  }),
  v.check(start => start.kind !== 'inventory' || start.manifest !== undefined, 'needs a manifest for the kind inventory'),
  v.rawCheck(({ dataset: { typed, value: start }, addIssue }) => {
    if (!typed) return
    for (const [key, kind] of FIELDS_OF_KIND) {
      if (start[key] === undefined || start.kind === kind) continue
      const field = { type: 'object', origin: 'value', input: start, key, value: start[key] } as const
      addIssue({ message: `is only for the kind ${kind}`, path: [field] })
    }
  }),
)
