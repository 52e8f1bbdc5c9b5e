import { createHash } from 'node:crypto'
import { isDay } from '../calendar.ts'
import { Invalid } from '../errors.ts'

/** What a cursor may carry: the values of the keyset, in the order of its columns. */
export type CursorValue = string | number | boolean

/** What a value must be: `time` is a timestamp as Postgres prints it (microseconds and zone), or ISO 8601; `id` a whole number from 0 that int8 holds. */
export type CursorShape = 'text' | 'number' | 'id' | 'boolean' | 'time'

/** The name of a list with its filters, so that a cursor is refused by the same list with other filters. Undefined filters do not count. */
export function listName(list: string, filters: Record<string, unknown>): string {
  return `${list}:${createHash('sha256').update(JSON.stringify(filters)).digest('base64url').slice(0, 12)}`
}

/**
 * An opaque position in a list: base64url of `[list, ...values]` as JSON, so that one list's cursor is refused by another.
 * Times go in as text straight from SQL: a Date would cut their microseconds, and pages would repeat or lose rows.
 */
export function encodeCursor(list: string, values: readonly CursorValue[]): string {
  return Buffer.from(JSON.stringify([list, ...values])).toString('base64url')
}

/** The values of a cursor. Throws Invalid when it is malformed, of another list, or not of the shape that is asked for. */
export function decodeCursor<const S extends readonly CursorShape[]>(list: string, text: string, shape: S): ShapedValues<S>
export function decodeCursor(list: string, text: string, shape: readonly CursorShape[]): CursorValue[] {
  const decoded = parse(text)
  if (!Array.isArray(decoded) || typeof decoded[0] !== 'string') throw new Invalid('cursor is malformed')
  if (decoded[0] !== list) throw new Invalid('cursor belongs to another list')
  const values: unknown[] = decoded.slice(1)
  if (values.length === 0 || !values.every(isValue)) throw new Invalid('cursor is malformed')
  if (values.length !== shape.length || !shape.every((expected, i) => hasShape(expected, values[i]))) {
    throw new Invalid('cursor is malformed')
  }
  return values
}

type ShapedValues<S extends readonly CursorShape[]> = {
  -readonly [I in keyof S]: { text: string; number: number; id: number; boolean: boolean; time: string }[S[I]]
}

function parse(text: string): unknown {
  const bytes = Buffer.from(text, 'base64url')
  // Node skips what is no base64url; a position must not depend on how much of a text was understood.
  if (bytes.toString('base64url') !== text) throw new Invalid('cursor is malformed')
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw new Invalid('cursor is malformed', { cause: error })
  }
}

/** Postgres takes no U+0000 and no lone surrogate as a parameter; no cursor of ours holds one. */
function isValue(value: unknown): value is CursorValue {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0')
  return typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
}

function hasShape(shape: CursorShape, value: CursorValue | undefined): boolean {
  if (shape === 'time') return typeof value === 'string' && isTime(value)
  if (shape === 'id') return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
  return typeof value === (shape === 'text' ? 'string' : shape)
}

const TIME = /^\d{4}-\d\d-\d\d[T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-](0\d|1[0-4])(:?[0-5]\d)?)$/

function isTime(text: string): boolean {
  return TIME.test(text) && isDay(text.slice(0, 10))
}
