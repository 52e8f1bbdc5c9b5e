import * as v from 'valibot'
import * as p from '../../../shared/api/parameters.ts'
import { fc } from '../../support/random.ts'

/** A cursor that is chosen when the request is sent, from those that answers had; `forge` puts another value into it. */
export class LaterCursor {
  readonly pick: number
  readonly forge: { at: number; value: unknown } | null

  constructor(pick: number, forge: { at: number; value: unknown } | null) {
    this.pick = pick
    this.forge = forge
  }
}

/** Values that a schema accepts, where a random search would hardly find them; the others derive from what the schema says of itself. */
export function validValue(schema: v.GenericSchema): fc.Arbitrary<unknown> {
  const known = KNOWN.get(schema)
  if (known) return known.filter(value => value instanceof LaterCursor || v.safeParse(schema, value).success)
  return derived(schema as Described).filter(value => v.safeParse(schema, value).success)
}

/** Values that a careless or a malicious caller sends, whatever the schema. */
export const hostileText = fc.oneof(
  fc.constantFrom(
    ...[
      '',
      ' ',
      '\0',
      '\x01\x02',
      '%',
      '%00',
      '__proto__',
      'constructor',
      'null',
      'true',
      '[]',
      '{}',
      '()',
      '"',
      "';--",
      '\u{10ffff}',
    ],
    ...['0', '-1', '1e309', '0x10', '1_000', 'NaN', '9007199254740993', '9223372036854775808', '1000000000000000000000'],
    ...['1969-12-31', '2026-02-30', '9999-12-31T23:59:59.999999Z', '+010000-01-01', 'yesterday', 'a'.repeat(1025), 'a=', '=a'],
    ...[
      '('.repeat(400),
      '!'.repeat(900),
      'a|'.repeat(31),
      `${'"'}${'a '.repeat(400)}"`,
      'a <99999999999> b',
      '*',
      ':*',
      'x'.repeat(9000),
    ],
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
)

/** The same for a field of a body. */
export const hostileJson = fc.oneof(
  hostileText,
  fc.constantFrom<unknown[]>(
    ...[null, true, 0, -0, -1, 0.5, 1.7e308, -1.7e308, 5e-324, 2 ** 53, 2 ** 63, 1e22, Number.MAX_SAFE_INTEGER],
    ...[[], {}, [[]], [null], '\ud800', { '\0': 1 }, { a: '\ud800' }, nested(99), nested(101), 'x'.repeat(20_000), words(900)],
  ),
  fc.jsonValue({ maxDepth: 3 }),
)

/** What a forged cursor carries. */
const forged = fc.oneof(
  fc.constantFrom<unknown[]>(
    ...[0, -1, 0.5, 2 ** 53, 2 ** 63, 1e300, -1e300, 2, '', '\0', 'x', true, false, null, [], {}],
    ...['0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999999Z', '2026-02-30T00:00:00Z', '2026-01-01', 'infinity', 'now'],
  ),
  fc.double({ noNaN: true }),
)

/** The objects that S3 has at the beginning. */
export const KEYS_IN_S3 = Array.from({ length: 20 }, (_, n) => `in-s3/${n}`)

/** Few keys, so that requests meet; some of them awkward. */
const key = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('documents/one.pdf', 'documents/two.pdf') },
  { weight: 3, arbitrary: fc.constantFrom(...KEYS_IN_S3) },
  { weight: 6, arbitrary: fc.nat(40).map(n => `documents/invoice-${n % 7}/${n}.pdf`) },
  { weight: 2, arbitrary: fc.nat(1_000_000).map(n => `many/${n}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('a//b', '..', 'nul\0key', '\x01', '__proto__', '\u{1f600}'.repeat(256), 'k'.repeat(1024), ' '),
  },
  { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 20 }) },
)

const time = fc.oneof(
  fc.constantFrom(
    '1970-01-01',
    '9999-12-31T23:59:59.999999Z',
    '2026-03-14',
    '2026-03-14T15:09+02:00',
    '2026-03-14T15:09:26.535897Z',
  ),
  fc.date({ min: new Date(0), max: new Date('2030-01-01'), noInvalidDate: true }).map(date => date.toISOString()),
)

const cursor = fc
  .tuple(fc.nat(), fc.option(fc.record({ at: fc.nat(8), value: forged }), { freq: 2 }))
  .map(([pick, forge]) => new LaterCursor(pick, forge))

const metadata = fc.oneof(
  fc.constantFrom<object[]>(
    {},
    { department: 'finance' },
    { n: 5 },
    { a: nested(50) },
    { text: words(200) },
    { text: 'x'.repeat(15_000) },
  ),
  fc.dictionary(fc.string({ maxLength: 10 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }),
)

const KNOWN = new Map<v.GenericSchema, fc.Arbitrary<unknown>>([
  [p.key, key],
  [p.prefix, fc.oneof(fc.constantFrom('', 'documents/', 'many/', 'documents/invoice-3', 'n'), key)],
  [p.bucket, fc.constantFrom('archive', 'archive', 'archive', 'more', 'third.bucket')],
  [p.s3Bucket, fc.constantFrom('archive', 'archive', 'archive', 'missing-bucket')],
  [p.container, fc.constantFrom('archive', 'archive', 'archive', 'more', 'third.bucket', 'tape room', 'é'.repeat(127))],
  [p.otherBackend, fc.constantFrom('local', 'tape-1', 'b'.repeat(64))],
  [p.versionId, fc.oneof(fc.constantFrom('null', 'v1', 'v2', 'v3', 'v'.repeat(255)), fc.string({ minLength: 1, maxLength: 12 }))],
  [p.backend, fc.constantFrom('s3', 's3', 'local', 'tape-1', 'b'.repeat(64))],
  [p.action, fc.constantFrom('UPLOAD', 'DOWNLOAD', 'X', `A${'_'.repeat(63)}`)],
  [p.time, time],
  [p.cursor, cursor],
  [
    p.id,
    fc.oneof(
      fc.nat({ max: 300 }).map(n => String(n + 1)),
      fc.constantFrom('1', '999999999999999'),
    ),
  ],
  [p.metadata, metadata],
  [
    p.metadataFilter,
    fc.array(fc.constantFrom('department=finance', 'n=5', 'a==', 'b=', 'c=true', 'd=1e400', 'e=\u{1f600}'), { maxLength: 3 }),
  ],
  [p.headerValue, fc.constantFrom('text/plain', 'application/pdf', 'x'.repeat(1024), '!')],
  [p.userMetadata, fc.constantFrom({}, { department: 'finance' }, { A: '1', b: 'x y' }, { a: 'x'.repeat(1000) })],
])

/** What valibot's schemas say of themselves, of all kinds that the contract uses. */
type Described = v.GenericSchema & {
  type: string
  wrapped?: Described
  item?: Described
  value?: Described
  entries?: Record<string, Described>
  options?: unknown[]
  getter?: (input: unknown) => Described
  pipe?: readonly { type: string; requirement?: unknown; pipe?: readonly unknown[] }[]
}

function derived(schema: Described): fc.Arbitrary<unknown> {
  const { type, wrapped, item, value, entries, options, getter } = schema
  if (type === 'optional') return fc.option(validValue(wrapped!), { nil: undefined })
  if (type === 'nullish') return fc.oneof(fc.constantFrom(null, undefined), validValue(wrapped!))
  if (type === 'boolean') return fc.boolean()
  if (type === 'picklist') return fc.constantFrom(...options!)
  if (type === 'number') return numbers(schema)
  if (type === 'string') return texts(schema)
  if (type === 'unknown') return fc.jsonValue({ maxDepth: 3 })
  if (type === 'array') return fc.array(validValue(item!), { minLength: 1, maxLength: 4 })
  if (type === 'record') return fc.dictionary(fc.string({ maxLength: 10 }), validValue(value!), { maxKeys: 4 })
  if (type === 'strict_object') return fields(entries!)
  // Either an object, or what an array is read as where one is allowed.
  if (type === 'lazy') {
    const readings = [getter!(undefined), getter!([])].filter(({ type }) => type !== 'never' && type !== 'custom')
    return fc.oneof(...readings.map(validValue))
  }
  throw new Error(`the fuzz does not know what a valibot ${type} accepts`)
}

/** An object of the valid values of its fields: with few of the optional ones, or with half of them. */
export function fields(entries: Record<string, v.GenericSchema>): fc.Arbitrary<Record<string, unknown>> {
  const withShare = (given: number) =>
    fc.record(Object.fromEntries(Object.entries(entries).map(([name, schema]) => [name, fieldOf(schema as Described, given)])))
  return fc
    .oneof(withShare(1), withShare(5))
    .map(object => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)))
}

/** Of ten optional fields so many are given. */
function fieldOf(schema: Described, given: number): fc.Arbitrary<unknown> {
  if (schema.type !== 'optional') return validValue(schema)
  return fc.oneof(
    { weight: 10 - given, arbitrary: fc.constant(undefined) },
    { weight: given, arbitrary: validValue(schema.wrapped!) },
  )
}

/** The ends of the range most of the time: sums and averages of many of them show what overflows. */
function numbers(schema: Described): fc.Arbitrary<unknown> {
  const least = requirementOf(schema, 'min_value') ?? 0
  const most =
    requirementOf(schema, 'max_value') ??
    (pipeOf(schema).some(({ type }) => /integer/.test(type)) ? Number.MAX_SAFE_INTEGER : 1.7e308)
  return fc.oneof(
    { weight: 5, arbitrary: fc.constant(most) },
    { weight: 1, arbitrary: fc.constant(least) },
    { weight: 2, arbitrary: fc.nat(1_000_000) },
    { weight: 1, arbitrary: fc.double({ min: 0, max: 5000, noNaN: true }) },
  )
}

function texts(schema: Described): fc.Arbitrary<unknown> {
  const pattern = pipeOf(schema).find(({ type }) => type === 'regex')?.requirement
  if (pattern instanceof RegExp) return fc.oneof(fc.constantFrom('1', '2', '10'), fc.stringMatching(pattern))
  const most = Math.min(requirementOf(schema, 'max_bytes') ?? 30, 20_000)
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom('invoice', 'finance 2024', 'text/plain', '/', 'documents', 'a or b', '5', '1', '30', 'true'),
    },
    { weight: 1, arbitrary: fc.constant('x'.repeat(most)) },
    { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
    { weight: 1, arbitrary: fc.nat(5000).map(String) },
  )
}

function requirementOf(schema: Described, action: string): number | undefined {
  return pipeOf(schema).find(({ type }) => type === action)?.requirement as number | undefined
}

/** The actions of a schema and of the schemas that it was piped from. */
function pipeOf({ pipe = [] }: Pick<Described, 'pipe'>): NonNullable<Described['pipe']> {
  const [first, ...rest] = pipe
  return first?.pipe && first.pipe !== pipe ? [...pipeOf(first as Described), ...rest] : rest
}

function nested(depth: number): unknown {
  return depth === 0 ? 1 : [nested(depth - 1)]
}

function words(count: number): string {
  return Array.from({ length: count }, (_, n) => `word${n}-of_Some.kind`).join(' ')
}
