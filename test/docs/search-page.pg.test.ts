import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { recordObjects } from '../../shared/catalog/objects.ts'
import { searchObjects } from '../../shared/search/search.ts'
import { freshDatabase, type TestDatabase } from '../support/postgres/database.ts'

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/search.md'), 'utf8')

/** The files of the page's list, and the rows of its table: every search in backticks of the first two columns, and what it finds. */
const FILES = [...PAGE.matchAll(/^- `(.+)`$/gm)].map(([, key = '']) => key)
const ROWS = [...PAGE.matchAll(/^\| (`.+`) \| (.+) \| (.*) ?\|$/gm)].flatMap(([, search = '', meaning = '', finds = '']) => {
  const same = /; (`.+`) too$/.exec(meaning)?.[1] ?? ''
  return [...quotedIn(search), ...quotedIn(same)].map((query): [string, string[]] => [query, quotedIn(finds)])
})

let database: TestDatabase

beforeAll(async () => {
  database = await freshDatabase()
  const now = new Date()
  await recordObjects(
    database.sql,
    FILES.map(key => ({ bucket: 'docs', key, size: 1, lastModified: now, versionId: 'null' })),
  )
})

afterAll(() => database?.[Symbol.asyncDispose]())

test('the page on search has files and searches', () => {
  expect([FILES.length, ROWS.length]).toEqual([5, 18])
})

test.each(ROWS)('the page is right about what %s finds', async (query, keys) => {
  const { items } = await searchObjects(database.sql, { query, bucket: 'docs' })
  expect(items.map(({ key }) => key).sort()).toEqual(keys.sort())
})

/** A table escapes bars. */
function quotedIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, quoted = '']) => quoted.replaceAll('\\|', '|'))
}
