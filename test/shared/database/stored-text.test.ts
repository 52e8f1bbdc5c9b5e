import { describe, expect, test } from 'vitest'
import { fromStoredKey, toStoredKey, toStoredRecord, toStoredText, toStoredValues } from '../../../shared/database/stored-text.ts'
import { prefixEnd } from '../../../shared/key-order.ts'
import { fc } from '../../support/random.ts'

const piece = fc.constantFrom('\0', '\x01', '\x02', '\x03', 'a', 'ü', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10FFFF}')
const keys = fc.oneof(
  fc.array(piece, { maxLength: 8 }).map(pieces => pieces.join('')),
  fc.string({ unit: 'binary', maxLength: 8 }),
)

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

describe('a stored key', () => {
  test('is the key again, and holds no U+0000', () => {
    fc.assert(
      fc.property(keys, key => {
        expect(fromStoredKey(toStoredKey(key))).toBe(key)
        expect(toStoredKey(key)).not.toContain('\0')
      }),
      { numRuns: 5000 },
    )
  })

  test('sorts by bytes as the key does', () => {
    fc.assert(
      fc.property(keys, keys, (a, b) => {
        expect(byBytes(toStoredKey(a), toStoredKey(b))).toBe(byBytes(a, b))
      }),
      { numRuns: 5000 },
    )
  })

  test('begins with a stored prefix exactly when the key begins with the prefix', () => {
    fc.assert(
      fc.property(keys, keys, (a, b) => {
        expect(toStoredKey(a + b).startsWith(toStoredKey(a))).toBe(true)
        expect(toStoredKey(a).startsWith(toStoredKey(b))).toBe(a.startsWith(b))
      }),
      { numRuns: 5000 },
    )
  })

  test('is at most twice as long as the key', () => {
    expect(Buffer.byteLength(toStoredKey('\0'.repeat(1024)))).toBe(2048)
    expect(Buffer.byteLength(toStoredKey('\x01'.repeat(1024)))).toBe(2048)
  })
})

test('the end of a prefix sorts after everything with the prefix and before everything else', () => {
  fc.assert(
    fc.property(keys, keys, (prefix, key) => {
      const end = prefixEnd(prefix)
      const isWithin = byBytes(key, prefix) >= 0 && (end === null || byBytes(key, end) < 0)
      expect(isWithin).toBe(key.startsWith(prefix))
    }),
    { numRuns: 5000 },
  )
  expect([prefixEnd(''), prefixEnd('\u{10FFFF}'), prefixEnd('a\u{10FFFF}'), prefixEnd('\ud7ff')]).toEqual([
    null,
    null,
    'b',
    '\ue000',
  ])
})

describe('other text', () => {
  test('shows U+0000 as U+2400 and a lone surrogate as U+FFFD, and is otherwise itself', () => {
    expect(toStoredText('a\0b\ud800c\udfffd\u{1F600}\x01')).toBe('a\u2400b\ufffdc\ufffdd\u{1F600}\x01')
  })

  test('in names and values of a record alike', () => {
    expect(toStoredRecord({ 'n\0': 'v\0', ok: 'ok' })).toEqual({ 'n\u2400': 'v\u2400', ok: 'ok' })
  })

  test('at any depth of a document; numbers, dates and nothing stay', () => {
    const day = new Date(0)
    const document = { 'n\0': ['\0', { 'm\0': '\ud800' }], number: 7, yes: true, none: null, missing: undefined, day }
    expect(toStoredValues(document)).toEqual({
      'n\u2400': ['\u2400', { 'm\u2400': '\ufffd' }],
      number: 7,
      yes: true,
      none: null,
      missing: undefined,
      day,
    })
  })
})
