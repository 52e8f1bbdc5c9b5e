import { expect, test } from 'vitest'
import { type Column, formatTable } from '../../cli/terminal/table.ts'
import { padText, shortenStart, textWidth, wrapText } from '../../cli/terminal/text-width.ts'
import { fc } from '../support/random.ts'

const FAMILY = '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}'
const FLAG = '\u{1f1e9}\u{1f1ea}'
const ACCENT = 'e\u0301'

type Row = { key: string; type: string; version: string; size: number }

const columns: Column<Row>[] = [
  { heading: 'Key', text: ({ key }) => key, share: 2 },
  { heading: 'Content type', text: ({ type }) => type, share: 1 },
  { heading: 'Version', text: ({ version }) => version },
  { heading: 'Size', text: ({ size }) => String(size), align: 'right' },
]

const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'

test('colour codes were counted as width', () => {
  expect(padText('\x1b[1mKey\x1b[22m', 5)).toBe('\x1b[1mKey\x1b[22m  ')
  expect([textWidth('\x1b[1mKey\x1b[22m'), textWidth('漢字'), textWidth(ACCENT), textWidth(FAMILY)]).toEqual([3, 4, 1, 2])
})

test('emoji, flags and accents were cut in two', () => {
  expect(wrapText(`ab${FAMILY}${FLAG}c${ACCENT}`, 3)).toEqual(['ab', FAMILY, `${FLAG}c`, ACCENT])
  for (const line of wrapText(FAMILY.repeat(5), 4)) expect(line.replaceAll(FAMILY, '')).toBe('')
})

test('a version id was cut in two, in terminals of 46 columns and more', () => {
  const version = 'v'.repeat(32)
  for (let width = 46; width <= 120; width++)
    expect(formatTable([{ key: 'k'.repeat(300), type: DOCX, version, size: 1 }], columns, width)).toContain(version)
})

test('a long content type took half of the width', () => {
  const row = { key: `${'documents/'.repeat(5)}a.docx`, type: DOCX, version: '1', size: 1 }
  const [heading = ''] = formatTable([row], columns, 120).split('\n')
  expect([heading.indexOf('Content type'), heading.indexOf('Version')]).toEqual([row.key.length + 2, 107])
})

test('texts were lost in a narrow terminal', () => {
  const row = { key: 'a/long/key/'.repeat(4), type: DOCX, version: 'v'.repeat(32), size: 12 }
  const lines = formatTable([row, { ...row, key: 'short', type: '' }], columns, 40).split('\n')
  expect(lines).toEqual([
    'Key           a/long/key/a/long/key/a/',
    '              long/key/a/long/key/',
    'Content type  application/vnd.',
    '              openxmlformats-',
    '              officedocument.',
    '              wordprocessingml.document',
    `Version       ${'v'.repeat(26)}`,
    '              vvvvvv',
    'Size          12',
    '',
    'Key           short',
    `Version       ${'v'.repeat(26)}`,
    '              vvvvvv',
    'Size          12',
  ])
})

test('a terminal that says it has 0 columns got a table of one character per line', () => {
  const row = { key: 'a/key', type: 'text/plain', version: '1', size: 1 }
  expect(formatTable([row], columns, 0 || undefined).split('\n')).toHaveLength(2)
})

test('a content type of a Word document took seven lines', () => {
  expect([DOCX, 'application/pdf', `x/${'y'.repeat(40)}`].map(type => shortenStart(type, 26))).toEqual([
    '…wordprocessingml.document',
    'application/pdf',
    `…${'y'.repeat(25)}`,
  ])
})

test('a column without any text takes no space', () => {
  expect(formatTable([{ key: 'a', type: '', version: '', size: 1 }], columns, 80)).toBe('Key  Size\na       1')
})

test('no line is wider than the terminal, no character is cut, and nothing is lost, whatever the texts are', () => {
  const unit = fc.constantFrom('a', '/', ' ', '-', '漢', FAMILY, FLAG, ACCENT, '\u{1f600}', '❤️', '1')
  const text = fc.string({ unit, maxLength: 60 }).map(text => text.trim())
  const row = fc.record({
    key: text,
    type: text,
    version: fc.string({ unit: fc.constantFrom('v', '1'), maxLength: 32 }),
    size: fc.nat(),
  })
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 5 }), fc.integer({ min: 24, max: 120 }), (rows, width) => {
      const lines = formatTable(rows, columns, width).split('\n')
      expect(Math.max(...lines.map(textWidth))).toBeLessThanOrEqual(width)
      const shown = charactersOf(lines.join(''))
      for (const [character, times] of charactersOf(rows.map(({ key, type, version }) => key + type + version).join('')))
        expect(shown.get(character) ?? 0).toBeGreaterThanOrEqual(times)
    }),
  )
})

/** How often each character occurs, spaces aside. */
function charactersOf(text: string): Map<string, number> {
  const segments = [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment).filter(segment => segment !== ' ')
  return new Map([...Map.groupBy(segments, segment => segment)].map(([segment, all]) => [segment, all.length]))
}
