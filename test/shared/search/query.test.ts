import { expect, test } from 'vitest'
import { Invalid } from '../../../shared/errors.ts'
import { parseSearch, type SearchQuery } from '../../../shared/search/query.ts'

/** The parsed search in Postgres' notation, words in brackets. */
function show(query: SearchQuery): string {
  if (query.kind === 'words') return `[${query.text}]${query.isPrefix ? ':*' : ''}`
  if (query.kind === 'not') return `!${show(query.part)}`
  if (query.kind === 'followed') return `(${show(query.left)} <${query.distance}> ${show(query.right)})`
  return `(${query.parts.map(show).join(query.kind === 'and' ? ' & ' : ' | ')})`
}

const SEARCHES: [search: string, query: string][] = [
  ['invoice', '[invoice]'],
  ['  invoice  2024\t', '([invoice] & [2024])'],
  ['invoice & finance', '([invoice] & [finance])'],
  ['invoice&finance', '([invoice] & [finance])'],
  ['"annual report" 2024', '([annual report] & [2024])'],
  ['"annual rep*"', '[annual rep]:*'],
  ['"annual rep":*', '[annual rep]:*'],
  ['invoice or receipt 2024', '([invoice] | ([receipt] & [2024]))'],
  ['invoice OR receipt', '([invoice] | [receipt])'],
  ['invoice | receipt', '([invoice] | [receipt])'],
  ['(invoice | receipt) 2024', '(([invoice] | [receipt]) & [2024])'],
  ['or', '[or]'],
  ['or else', '([or] & [else])'],
  ['either or', '([either] & [or])'],
  ['"or" or or', '([or] | [or])'],
  ['invoice -draft', '([invoice] & ![draft])'],
  ['invoice !draft', '([invoice] & ![draft])'],
  ['invoice & ! draft', '([invoice] & ![draft])'],
  ['-"annual report"', '![annual report]'],
  ['-(draft or old)', '!([draft] | [old])'],
  ['!!draft', '[draft]'],
  ['!(!draft)', '[draft]'],
  ['invoice-2024-001.pdf', '[invoice-2024-001.pdf]'],
  ['Invoice - 2024', '([Invoice] & [-] & [2024])'],
  ['wow!.txt', '[wow!.txt]'],
  ['--force', '[--force]'],
  ['invo*', '[invo]:*'],
  ['invo:*', '[invo]:*'],
  ['*.pdf', '[.pdf]'],
  ['invo*.pdf', '([invo]:* & [.pdf])'],
  ['*port*', '[port]:*'],
  ['annual <-> report', '[annual report]'],
  ['annual<->report<->fin:*', '[annual report fin]:*'],
  ['annual <2> report', '([annual] <2> [report])'],
  ['(annual | yearly) <-> report', '(([annual] | [yearly]) <1> [report])'],
  ['annual:* <-> report', '([annual]:* <1> [report])'],
  ["l'année d'août", "([l'année] & [d'août])"],
  ['Q&A (final).docx', '([Q] & [A] & [final] & [.docx])'],
  ['12:30 a<b', '([12:30] & [a<b])'],
]

test.for(SEARCHES)('%s is read as %s', ([search, query]) => {
  expect(show(parseSearch(search))).toBe(query)
})

const REFUSED: [search: string, reason: string][] = [
  ['', 'A search needs at least one word'],
  [' \t', 'A search needs at least one word'],
  ['(invoice', 'unbalanced parenthesis at 1'],
  ['invoice )', 'unbalanced parenthesis at 9'],
  ['year 2024 (a (b)', 'unbalanced parenthesis at 11'],
  [')', 'unbalanced parenthesis at 1'],
  ['🎉 (a', 'unbalanced parenthesis at 3'],
  ['annual "report', 'unbalanced quote at 8'],
  ['""', 'nothing between the quotes at 1'],
  ['a ()', 'nothing after ( at 3'],
  ['invoice &', 'nothing after & at 9'],
  ['invoice | | receipt', 'nothing after | at 9'],
  ['& invoice', 'nothing before & at 1'],
  ['invoice (| receipt)', 'nothing after ( at 9'],
  ['(invoice |)', 'nothing after | at 10'],
  ['invoice !', 'nothing after ! at 9'],
  ['annual <->', 'nothing after <-> at 8'],
  ['<-> report', 'nothing before <-> at 1'],
  ['annual <0> report', 'a distance is 1 to 16384, not 0, at 8'],
  ['annual <16385> report', 'a distance is 1 to 16384, not 16385, at 8'],
  ['*', 'nothing before * at 1'],
  ['invoice :*', 'nothing before :* at 9'],
]

test.for(REFUSED)('%s is refused: %s', ([search, reason]) => {
  expect(() => parseSearch(search)).toThrow(new Invalid(reason))
})

test('a search of 1,000 characters is read, one of 1,001 is not', () => {
  expect(show(parseSearch('🎉'.repeat(1000)))).toBe(`[${'🎉'.repeat(1000)}]`)
  expect(() => parseSearch('🎉'.repeat(1001))).toThrow(new Invalid('A search has at most 1000 characters, not 1001'))
})

test('a search of 32 words is read, one of 33 is not, in or out of quotes', () => {
  const words = (n: number) => Array.from({ length: n }, (_, i) => `w${i}`).join(' ')
  expect(parseSearch(words(32))).toMatchObject({ kind: 'and', parts: { length: 32 } })
  expect(parseSearch(`"${words(32)}"`)).toEqual({ kind: 'words', text: words(32), isPrefix: false })
  expect(() => parseSearch(words(33))).toThrow(new Invalid('A search has at most 32 words, not 33'))
  expect(() => parseSearch(`"${words(20)}" ${words(13)}`)).toThrow(new Invalid('A search has at most 32 words, not 33'))
})

test('a thousand operators around a word are read without running out of stack', () => {
  expect(show(parseSearch(`${'('.repeat(499)}a${')'.repeat(499)}`))).toBe('[a]')
  expect(show(parseSearch(`${'!'.repeat(999)}a`))).toBe('![a]')
  expect(() => parseSearch('('.repeat(1000))).toThrow(Invalid)
})
