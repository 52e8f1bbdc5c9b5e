import { Invalid } from '../errors.ts'

/**
 * A parsed search. A `words` leaf matches as a phrase when the database splits it into several words. `distance` is how many words after
 * the left side the right side follows (1: next).
 */
export type SearchQuery =
  | { kind: 'words'; text: string; isPrefix: boolean }
  | { kind: 'and' | 'or'; parts: SearchQuery[] }
  | { kind: 'not'; part: SearchQuery }
  | { kind: 'followed'; distance: number; left: SearchQuery; right: SearchQuery }

/** The most characters and words of a search. */
const MAX_CHARACTERS = 1000
const MAX_WORDS = 32

/**
 * Parses a search. One grammar accepts both web syntax and Postgres' own, because no operator means two things in them: words side by
 * side or with `&` must all match; `or` (between words) and `|`: one of them; `-` or `!` before a word: not; `"..."`: a phrase; `<->` and `<N>`:
 * followed by, N words later; `*` or `:*` after a word: a prefix; `( )` group. A star inside a word ends a prefix (`invo*.pdf`), a star before
 * a word is ignored (`*.pdf`), and all other characters only separate words.
 *
 * A search may consist of negations only: with a prefix or another filter, "all but the drafts" makes sense. Throws Invalid with the
 * reason and the position, counted from 1.
 */
export function parseSearch(search: string): SearchQuery {
  const length = [...search].length
  if (length > MAX_CHARACTERS) throw new Invalid(`A search has at most ${MAX_CHARACTERS} characters, not ${length}`)
  const tokens = tokenize(search)
  if (tokens.length === 0) throw new Invalid('A search needs at least one word')
  const words = tokens.reduce((sum, { kind, text }) => sum + (kind === 'word' || kind === 'quoted' ? countWords(text) : 0), 0)
  if (words > MAX_WORDS) throw new Invalid(`A search has at most ${MAX_WORDS} words, not ${words}`)
  const reader = { tokens, next: 0 }
  const query = readOr(reader)
  const rest = tokens[reader.next]
  if (rest) throw new Invalid(`unbalanced parenthesis at ${rest.position}`)
  return query
}

type Token = {
  kind: 'word' | 'quoted' | 'not' | 'and' | 'or' | 'followed' | '(' | ')'
  text: string
  position: number
  isPrefix: boolean
}

type Reader = { readonly tokens: Token[]; next: number }

/** In the order in which they are tried. A dash negates only at the beginning of a word, so that names with dashes stay whole. */
const PATTERNS: [Token['kind'], RegExp][] = [
  ['quoted', /"([^"]*)"(:?\*)?/uy],
  ['followed', /<(?:-|\d+)>/uy],
  ['(', /\(/uy],
  [')', /\)/uy],
  ['and', /&+/uy],
  ['or', /\|+/uy],
  ['not', /!|-(?=[^\s\-)|&])/uy],
  ['word', /(?:(?!<(?:-|\d+)>)[^\s"()|&])+/uy],
]

function tokenize(search: string): Token[] {
  const tokens: Token[] = []
  let at = /^\s*/u.exec(search)![0].length
  while (at < search.length) {
    const position = [...search.slice(0, at)].length + 1
    if (search[at] === '"' && !search.includes('"', at + 1)) throw new Invalid(`unbalanced quote at ${position}`)
    const [token, end] = readToken(search, at, position)
    tokens.push(token)
    at = end + /^\s*/u.exec(search.slice(end))![0].length
  }
  return tokens
}

function readToken(search: string, at: number, position: number): [Token, number] {
  for (const [kind, pattern] of PATTERNS) {
    pattern.lastIndex = at
    const match = pattern.exec(search)
    if (match) return [{ kind, text: match[1] ?? match[0], position, isPrefix: match[2] !== undefined }, pattern.lastIndex]
  }
  throw new Error(`unexpected character at ${position}`)
}

function countWords(text: string): number {
  return text.split(/\s+/u).filter(word => word !== '').length
}

function readOr(reader: Reader): SearchQuery {
  const parts = [readAnd(reader)]
  while (reader.tokens[reader.next]?.kind === 'or' || isOrWord(reader)) {
    reader.next++
    parts.push(readAnd(reader))
  }
  return parts.length === 1 ? parts[0]! : { kind: 'or', parts }
}

function readAnd(reader: Reader): SearchQuery {
  const parts = [readFollowed(reader)]
  for (let token = reader.tokens[reader.next]; token; token = reader.tokens[reader.next]) {
    if (token.kind === 'and') reader.next++
    else if (token.kind === 'or' || token.kind === ')' || isOrWord(reader)) break
    parts.push(readFollowed(reader))
  }
  return parts.length === 1 ? parts[0]! : { kind: 'and', parts }
}

/** `or` is an operator only between two operands: it may begin a name, or end a search that is still being typed. */
function isOrWord({ tokens, next }: Reader): boolean {
  const token = tokens[next]
  const following = tokens[next + 1]
  if (next === 0 || token?.kind !== 'word' || !/^or$/iu.test(token.text) || !following) return false
  return ['word', 'quoted', 'not', '('].includes(following.kind)
}

function readFollowed(reader: Reader): SearchQuery {
  let query = readOperand(reader)
  for (let token = reader.tokens[reader.next]; token?.kind === 'followed'; token = reader.tokens[reader.next]) {
    const distance = token.text === '<->' ? 1 : Number(token.text.slice(1, -1))
    // Postgres' limit.
    if (distance < 1 || distance > 16384) throw new Invalid(`a distance is 1 to 16384, not ${distance}, at ${token.position}`)
    reader.next++
    query = follow(query, distance, readOperand(reader))
  }
  return query
}

/** Neighbours become one phrase, which is matched at each granularity of its words; separate words would have to agree on one. */
function follow(left: SearchQuery, distance: number, right: SearchQuery): SearchQuery {
  if (distance === 1 && left.kind === 'words' && !left.isPrefix && right.kind === 'words') {
    return { ...right, text: `${left.text} ${right.text}` }
  }
  return { kind: 'followed', distance, left, right }
}

function readOperand(reader: Reader): SearchQuery {
  const token = reader.tokens[reader.next++]
  const before = reader.tokens[reader.next - 2]
  if (token?.kind === 'word') return wordsOf(token)
  if (token?.kind === 'quoted') return quotedOf(token)
  if (token?.kind === 'not') {
    const part = readOperand(reader)
    return part.kind === 'not' ? part.part : { kind: 'not', part }
  }
  if (token?.kind === '(') {
    const query = readOr(reader)
    if (reader.tokens[reader.next++]?.kind !== ')') throw new Invalid(`unbalanced parenthesis at ${token.position}`)
    return query
  }
  if (token?.kind === ')' && before?.kind !== '(' && !isOpen(reader))
    throw new Invalid(`unbalanced parenthesis at ${token.position}`)
  if (before) throw new Invalid(`nothing after ${before.text} at ${before.position}`)
  throw new Invalid(`nothing before ${token!.text} at ${token!.position}`)
}

/** Whether the parenthesis just read closes an open one. */
function isOpen({ tokens, next }: Reader): boolean {
  return tokens.slice(0, next).reduce((depth, { kind }) => depth + (kind === '(' ? 1 : kind === ')' ? -1 : 0), 0) >= 0
}

/** `invo*.pdf` means a prefix and a word. */
function wordsOf({ text, position }: Token): SearchQuery {
  const pieces = text.split(/:?\*+/u)
  const last = pieces.length - 1
  const parts = pieces.flatMap((piece, i) => (piece === '' ? [] : [{ kind: 'words' as const, text: piece, isPrefix: i < last }]))
  if (parts.length === 0) throw new Invalid(`nothing before ${text} at ${position}`)
  return parts.length === 1 ? parts[0]! : { kind: 'and', parts }
}

function quotedOf({ text, position, isPrefix }: Token): SearchQuery {
  const words = text.replace(/[\s*]+$/u, '')
  if (words.trim() === '') throw new Invalid(`nothing between the quotes at ${position}`)
  return { kind: 'words', text: words, isPrefix: isPrefix || /\*\s*$/u.test(text) }
}
