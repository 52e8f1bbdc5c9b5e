import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, type Sql } from '../../../shared/database/connection.ts'
import { migrate } from '../../../shared/database/migrate.ts'
import { freshDatabase, type TestDatabase } from '../../support/postgres/database.ts'
import { fc } from '../../support/random.ts'

let database: TestDatabase
let sql: Sql

beforeAll(async () => {
  database = await freshDatabase()
  sql = database.sql
})

afterAll(() => database[Symbol.asyncDispose]())

/** Where names are hard: scripts, marks, pictographs, case and digits next to each other, what text search itself reads as syntax. */
const piece = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
  fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 12 }),
  fc.string({ unit: fc.constantFrom(...'aBcDEfg1230'), minLength: 1, maxLength: 10 }),
  fc.string({ unit: fc.constantFrom(...'ßẞİıΣςÉéøØ報告書ク한글हि٢🎉👩\u200d\u0301\ufb03①½ªǅ'), minLength: 1, maxLength: 8 }),
  fc.constantFrom('/', '-', '_', '.', ' ', "'", '\\', ':*', '<->', '&', '|', '!', '(', ')', '\x1e', '\x1f', '\x01'),
)

const key = fc
  .array(piece, { minLength: 1, maxLength: 8 })
  .map(pieces => pieces.join('').replaceAll('\0', ''))
  .filter(text => text.isWellFormed() && text !== '')

test('every word that the catalog splits from a key finds the key, and so does every prefix of the word', async () => {
  await fc.assert(
    fc.asyncProperty(key, async key => {
      const missed = await sql`
        with document as (select catalog.search_vector(${key}, null, '{}', '{}') as vector)
        select word, left(word, n) as start
        from document, unnest(tsvector_to_array(catalog.weighted_lexemes(${key}, 'A'))) as word, generate_series(1, char_length(word)) as n
        where not vector @@ catalog.words_query(word, false)
          or not vector @@ catalog.words_query(left(word, n), true)
      `
      expect([...missed]).toEqual([])
    }),
    { numRuns: 500 },
  )
})

test('every key without a U+0000 finds itself as a phrase, in its own spelling and in lower case', async () => {
  await fc.assert(
    fc.asyncProperty(key, async key => {
      const [row] = await sql`
        select catalog.weighted_lexemes(${key}, 'A') = '' or (
            vector @@ catalog.words_query(${key}, false)
            and vector @@ catalog.words_query(lower(${key} collate "pg_c_utf8"), false)
            and vector @@ catalog.words_query(${key}, true)
          ) as finds
        from (select catalog.search_vector(${key}, null, '{}', '{}') as vector) as document
      `
      expect(row).toEqual({ finds: true })
    }),
    { numRuns: 500 },
  )
})

test('a composed and a decomposed spelling have the same words', async () => {
  await fc.assert(
    fc.asyncProperty(key, async key => {
      const [row] = await sql`
        select catalog.weighted_lexemes(normalize(${key}, nfc), 'A') = catalog.weighted_lexemes(normalize(${key}, nfd), 'A') as "areSame"
      `
      expect(row).toEqual({ areSame: true })
    }),
    { numRuns: 300 },
  )
})

test('the locale of the database changes no word', async () => {
  const keys = fc.sample(key, { numRuns: 300, seed: 1 })
  const vectors = (of: Sql) =>
    of<{ vector: string }[]>`
      select catalog.search_vector(k.key, 'text/plain', jsonb_build_object('a', k.key), '{}')::text || catalog.words_query(k.key, true)::text as vector
      from jsonb_array_elements_text(${of.json(keys)}) as k (key)
    `
  const name = `locale_${crypto.randomUUID().replaceAll('-', '')}`
  await sql`create database ${sql(name)} template template0 encoding 'UTF8' locale_provider libc locale 'C'`
  const url = new URL(database.url)
  url.pathname = name
  const other = connect({ url: url.href })
  try {
    await migrate(other, { folder: new URL('../../../migrations', import.meta.url).pathname })
    expect([...(await vectors(other))]).toEqual([...(await vectors(sql))])
  } finally {
    await other.end()
    await sql`drop database ${sql(name)} with (force)`
  }
})

const HOSTILE = {
  'a key of one word': 'a'.repeat(2000),
  'a key of camel humps': 'aB'.repeat(1000),
  'a key of letters and digits in turn': 'a1'.repeat(1000),
  'a key of separators': '-'.repeat(2000),
  'a key of ideographs': '報'.repeat(680),
  'a key of letters that decompose into eighteen': '\ufdfa'.repeat(680),
  'a key of combining marks': `a${'\u0301'.repeat(1000)}`,
  'a key of pictographs': '👩\u200d'.repeat(290),
}

test.for(Object.entries(HOSTILE))('%s takes no more time than its length explains', async ([, key]) => {
  const split = (key: string) => sql`select length(catalog.search_vector(${key}, ${key}, ${sql.json({ a: key })}, '{}')) as words`
  const timed = async (key: string) => {
    const start = performance.now()
    await split(key)
    return performance.now() - start
  }
  // A quarter of the key is the measure: the square of the length would be 16 times as much. Another program may take the processor at any
  // time, so the shortest times count, and there are more as long as the claim does not hold.
  const short = [...key].slice(0, [...key].length / 4).join('')
  const best = { long: Number.POSITIVE_INFINITY, short: Number.POSITIVE_INFINITY }
  for (let times = 0; times < 60 && !(times >= 6 && best.long / best.short < 10); times++) {
    best.short = Math.min(best.short, await timed(short))
    best.long = Math.min(best.long, await timed(key))
  }
  expect(best.long / best.short).toBeLessThan(10)
})

test('metadata of megabytes is indexed as far as its first 16,000 characters', async () => {
  const words = Array.from({ length: 300_000 }, (_, i) => `wort${i}Ü`)
  for (const value of [words.join(' '), '\ufdfa '.repeat(500_000), '報'.repeat(500_000), 'aB1'.repeat(500_000)]) {
    const [row] = await sql<{ bytes: number }[]>`
      select pg_column_size(catalog.search_vector('key', ${value}, ${sql.json({ value })}, ${sql.json({ value })})) as bytes
    `
    expect(row?.bytes).toBeLessThan(1_000_000)
  }
})

test('a search of 1,000 characters without a separator is a query', async () => {
  for (const word of [
    '報'.repeat(1000),
    'x'.repeat(1000),
    'aB1'.repeat(333),
    '\ufdfa'.repeat(1000),
    '👩'.repeat(1000),
    '+'.repeat(1000),
  ]) {
    const [row] =
      await sql`select numnode(catalog.words_query(${word}, true)) + numnode(catalog.file_name_query(${word})) > 0 as "isQuery"`
    expect(row).toEqual({ isQuery: true })
  }
})
