import { describe, expect, test } from 'vitest'
import { type CursorShape, type CursorValue, decodeCursor, encodeCursor } from '../../../shared/database/cursor.ts'
import { Invalid } from '../../../shared/errors.ts'
import { fc } from '../../support/random.ts'

const value = fc.oneof(
  fc.string({ unit: 'binary' }).filter(text => !text.includes('\0')),
  fc.double({ noDefaultInfinity: true, noNaN: true }).map(n => (n === 0 ? 0 : n)),
  fc.boolean(),
)

test('what goes into a cursor comes out of it', () => {
  fc.assert(
    fc.property(fc.string(), fc.array(value, { minLength: 1 }), (kind, values) => {
      expect(decodeCursor(kind, encodeCursor(kind, values), values.map(shapeOf))).toEqual(values)
    }),
  )
})

test('a float4 and a time with microseconds round-trip exactly', () => {
  const values = [Math.fround(0.6079271), '2026-11-23 20:54:31.123456+00', 7]
  expect(decodeCursor('search', encodeCursor('search', values), ['number', 'time', 'number'])).toEqual(values)
})

test('a cursor of another list is refused', () => {
  expect(() => decodeCursor('audit', encodeCursor('objects', ['a']), ['text'])).toThrow(
    new Invalid('cursor belongs to another list'),
  )
})

function shapeOf(value: CursorValue): CursorShape {
  return typeof value === 'string' ? 'text' : typeof value === 'number' ? 'number' : 'boolean'
}

describe('a malformed cursor is an error, never page one', () => {
  test.each([
    ['empty', ''],
    ['no base64url', '###'],
    ['base64url with a tail that a lenient decoder skips', `${encodeCursor('audit', [1])}%`],
    ['base64 with padding', Buffer.from('["audit",1]').toString('base64')],
    ['no JSON', Buffer.from('["audit"').toString('base64url')],
    ['no array', Buffer.from('{"0":"audit"}').toString('base64url')],
    ['no values', Buffer.from('["audit"]').toString('base64url')],
    ['a nested value', Buffer.from('["audit",[1]]').toString('base64url')],
    ['a NUL', Buffer.from('["audit","\\u0000"]').toString('base64url')],
    ['a lone surrogate', Buffer.from('["audit","\\ud800"]').toString('base64url')],
    ['an infinite number', Buffer.from('["audit",1e999]').toString('base64url')],
  ])('%s', (_, text) => {
    expect(() => decodeCursor('audit', text, ['text'])).toThrow(new Invalid('cursor is malformed'))
  })
})

describe('a cursor must have the shape that the list asks for', () => {
  test.each([
    ['too few values', ['2026-01-01T00:00:00Z']],
    ['too many values', ['2026-01-01T00:00:00Z', 1, 2]],
    ['a text for a number', ['2026-01-01T00:00:00Z', '1']],
    ['a number for a time', [1, 1]],
    ['no time', ['yesterday', 1]],
    ['a day that does not exist', ['2026-02-31T00:00:00Z', 1]],
    ['a month that does not exist', ['2026-13-01T00:00:00Z', 1]],
    ['an hour that does not exist', ['2026-01-01T24:00:00Z', 1]],
    ['a time without a zone', ['2026-01-01T00:00:00', 1]],
    ['booleans', [true, false]],
    ['an id that int8 cannot hold', ['2026-01-01T00:00:00Z', 2 ** 63]],
    ['half an id', ['2026-01-01T00:00:00Z', 0.5]],
    ['a negative id', ['2026-01-01T00:00:00Z', -1]],
  ])('%s', (_, values) => {
    const text = encodeCursor('audit', values)
    expect(() => decodeCursor('audit', text, ['time', 'id'])).toThrow(new Invalid('cursor is malformed'))
  })
})
