import * as v from 'valibot'
import { isDay } from '../calendar.ts'
import { MAX_KEY_BYTES, MAX_METADATA_BYTES, MAX_PAGE_SIZE, MAX_PAYLOAD_BYTES } from '../limits.ts'
import { AUDIT_ACTION, AUDIT_SOURCES, BACKEND_NAME, CONTAINER_NAME, isS3BucketName } from '../names.ts'

/** Postgres' own parser fails at some thousands, depending on its stack. */
const JSON_DEPTH = 100

const MOMENT = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/

const END_OF_TIME = Date.UTC(10_000, 0, 1)

/** What the OpenAPI document says of a schema whose checks JSON Schema cannot derive. */
const described = <T>(jsonSchema: object) => v.metadata<T, { jsonSchema: object }>({ jsonSchema })

const array = v.never('must be an object')

/** valibot accepts an array as an object. */
const noArray = <const S extends v.GenericSchema>(schema: S) =>
  v.lazy((input): S | typeof array => (Array.isArray(input) ? array : schema))

/**
 * A JSON object with any names, returned as it is. valibot's `record` describes it, but omits the names `__proto__`, `prototype` and
 * `constructor` from its output without checking them.
 */
const record = <T>(value: v.GenericSchema<T>, message: string, name?: v.GenericSchema<string>) => {
  const described = v.record(v.string(), value, message)
  const asItIs = v.pipe(
    v.custom<Record<string, T>>(input => typeof input === 'object' && input !== null && !Array.isArray(input), message),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return
      const input = dataset.value
      for (const [key, item] of Object.entries(input)) {
        const [issue] = (name && v.safeParse(name, key).issues) ?? v.safeParse(value, item).issues ?? []
        if (!issue) continue
        addIssue({ message: issue.message, path: [{ type: 'object', origin: 'value', input, key, value: item }] })
        return
      }
    }),
  )
  // The OpenAPI document describes the schema for no input.
  return v.lazy((input): typeof described | typeof asItIs => (input === undefined ? described : asItIs))
}

/** A JSON object with these fields and no others. */
export const object = <const E extends v.ObjectEntries>(entries: E) => noArray(v.strictObject(entries, 'must be an object'))

/** Text that Postgres can store: no U+0000, no lone surrogate. */
export const text = (maxBytes: number) =>
  v.pipe(
    v.string('must be text'),
    v.maxBytes(maxBytes, `must be at most ${maxBytes} bytes`),
    v.check(isStorable, 'must not contain U+0000 or lone surrogates'),
  )

/** A name: text that is not empty. */
export const name = (maxBytes: number) => v.pipe(text(maxBytes), v.nonEmpty('must not be empty'))

/** The beginning of a key. */
export const prefix = v.pipe(
  v.string('must be text'),
  v.maxBytes(MAX_KEY_BYTES, `must be at most ${MAX_KEY_BYTES} bytes`),
  v.check(key => key.isWellFormed(), 'must be UTF-8'),
)

/** Any legal key of S3, U+0000 included. */
export const key = v.pipe(prefix, v.nonEmpty('must not be empty'))

/** A bucket or a container to read about. */
export const bucket = name(255)

/** A bucket of S3. */
export const s3Bucket = v.pipe(
  v.string('must be text'),
  v.check(isS3BucketName, 'must be the name of an S3 bucket: 3 to 63 lower-case letters, digits, . and -'),
  described({ type: 'string', pattern: '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$' }),
)

/** A bucket of S3 or a container of another backend to write about. */
export const container = v.pipe(
  name(255),
  v.regex(CONTAINER_NAME, 'must not contain control characters or slashes, nor begin or end with a space'),
)

export const versionId = name(255)

/** The name of a storage backend. */
export const backend = v.pipe(
  v.string('must be text'),
  v.regex(BACKEND_NAME, 'must be lower-case letters, digits, _ and -, at most 64'),
)

/** A backend whose objects the catalog owns. */
export const otherBackend = v.pipe(
  backend,
  v.check(name => name !== 's3', 'must not be s3: S3 owns its objects, and they are indexed from its events'),
)

export const action = v.pipe(
  v.string('must be text'),
  v.regex(AUDIT_ACTION, 'must be upper-case letters and underscores, at most 64'),
)

/** Who reports an audit entry. */
export const auditSource = v.picklist(AUDIT_SOURCES, `must be one of ${AUDIT_SOURCES.join(', ')}`)

/** Bytes. */
export const size = v.pipe(
  v.number('must be a number'),
  v.safeInteger('must be a whole number'),
  v.minValue(0, 'must not be negative'),
)

/** A day or a time in ISO 8601, from 1970 to 9999. A day means 00:00 UTC. */
export const time = v.pipe(
  v.string('must be text'),
  v.regex(MOMENT, 'must be a day or a time with its zone in ISO 8601, such as 2026-03-14 or 2026-03-14T15:09:26Z'),
  v.check(moment => isDay(moment.slice(0, 10)), 'must be an existing day or time from 1970 to 9999'),
  described({ type: 'string', anyOf: [{ format: 'date' }, { format: 'date-time' }], pattern: '^(19[7-9]|[2-9]\\d)' }),
  v.transform(moment => new Date(moment)),
  v.check(moment => moment.getTime() >= 0 && moment.getTime() < END_OF_TIME, 'must be an existing day or time from 1970 to 9999'),
)

/** A whole number of a query. */
export const count = (least: number, most: number) =>
  v.pipe(
    v.string(),
    v.regex(/^\d{1,9}$/, `must be a whole number from ${least} to ${most}`),
    described({ type: 'integer', minimum: least, maximum: most }),
    v.transform(Number),
    v.check(n => n >= least && n <= most, `must be a whole number from ${least} to ${most}`),
  )

/** The id of a row, in a query. */
export const id = v.pipe(v.string(), v.regex(/^[1-9]\d{0,14}$/, 'must be a whole number from 1'), v.transform(Number))

/** A boolean of a query. */
export const flag = v.pipe(
  v.picklist(['true', 'false'], 'must be true or false'),
  v.transform(value => value === 'true'),
)

/** The most items of a page. */
export const limit = count(1, MAX_PAGE_SIZE)

/** `nextCursor` of the previous page. */
export const cursor = v.pipe(v.string(), v.nonEmpty('must not be empty'), v.maxBytes(8192, 'is malformed'))

/** `name=value` of a query, any number of times: pairs that an object's metadata must contain. */
export const metadataFilter = v.pipe(
  v.array(v.pipe(text(4096), v.regex(/^[^=]+=/, 'must be name=value'))),
  v.maxLength(20, 'must be given at most 20 times'),
  v.transform(pairs =>
    Object.fromEntries(pairs.map(pair => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)])),
  ),
)

/** A JSON object that jsonb can store, of at most 16 KB. */
export const metadata = v.pipe(
  record(v.unknown(), 'must be an object'),
  v.check(
    json => isStorableJson(json),
    `must not contain U+0000 or lone surrogates, and must be at most ${JSON_DEPTH} levels deep`,
  ),
  v.check(json => isWithin(json, MAX_METADATA_BYTES), `must be at most ${MAX_METADATA_BYTES} bytes`),
)

/** Any JSON value that jsonb can store, of at most 64 KB. */
export const json = v.pipe(
  v.unknown(),
  v.check(
    json => isStorableJson(json),
    `must not contain U+0000 or lone surrogates, and must be at most ${JSON_DEPTH} levels deep`,
  ),
  v.check(json => isWithin(json, MAX_PAYLOAD_BYTES), `must be at most ${MAX_PAYLOAD_BYTES} bytes`),
)

/** Names and values of text, such as tags, of at most 16 KB. */
export const texts = v.pipe(
  record(v.string('must be text'), 'must be an object of texts'),
  v.check(json => isStorableJson(json), 'must not contain U+0000 or lone surrogates'),
  v.check(json => isWithin(json, MAX_METADATA_BYTES), `must be at most ${MAX_METADATA_BYTES} bytes`),
)

/** The value of an HTTP header: visible characters and spaces of ASCII. */
export const headerValue = v.pipe(
  v.string('must be text'),
  v.regex(/^[!-~]([ -~]{0,1022}[!-~])?$/, 'must be visible ASCII, at most 1024'),
)

/** User metadata of S3: names that can be headers, text values, at most 2 KB in total. */
export const userMetadata = v.pipe(
  record(
    headerValue,
    'must be an object of texts',
    v.pipe(v.string(), v.regex(/^[A-Za-z0-9_.-]+$/, 'must have names of letters, digits, _, . and -')),
  ),
  v.check(record => Buffer.byteLength(Object.entries(record).flat().join('')) <= 2048, 'must be at most 2 KB'),
)

function isStorable(value: string): boolean {
  return !value.includes('\0') && value.isWellFormed()
}

/** Whether JSON is not too long. One that is refused anyway is not measured: it may be too deep to be written. */
function isWithin(value: unknown, maxBytes: number): boolean {
  return !isStorableJson(value) || Buffer.byteLength(JSON.stringify(value) ?? '') <= maxBytes
}

/** Level by level: hostile input could overflow a recursion. */
function isStorableJson(value: unknown): boolean {
  let level = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > JSON_DEPTH) return false
    const objects = level.filter(item => typeof item === 'object' && item !== null)
    const names = objects.flatMap(item => (Array.isArray(item) ? [] : Object.keys(item)))
    const texts = level.filter(item => typeof item === 'string')
    if (![...names, ...texts].every(isStorable)) return false
    level = objects.flatMap(item => Object.values(item))
  }
  return true
}
