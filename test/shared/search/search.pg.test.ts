import { describe, expect } from 'vitest'
import { deleteObject, getObjectMetadata, type NewObject, recordObjects } from '../../../shared/catalog/objects.ts'
import type { Sql } from '../../../shared/database/connection.ts'
import { encodeCursor, listName } from '../../../shared/database/cursor.ts'
import { Invalid } from '../../../shared/errors.ts'
import { type SearchRequest, searchObjects } from '../../../shared/search/search.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'
import { watchedClient } from '../../support/postgres/watched-client.ts'

const BUCKET = 'documents'

test('a found object is the stored one with its rank', async ({ sql }) => {
  await record(sql, {
    key: 'a/invoice.pdf',
    size: 12,
    versionId: 'v1',
    contentType: 'application/pdf',
    etag: 'e1',
    lastModified: new Date('2024-03-01T10:20:30.456Z'),
    storageClass: 'GLACIER',
    metadata: { customer: 'Acme' },
    tags: { team: 'finance' },
  })
  const { items, nextCursor } = await searchObjects(sql, { query: 'invoice' })
  const stored = await getObjectMetadata(sql, { bucket: BUCKET, key: 'a/invoice.pdf' })
  expect({ items, nextCursor }).toEqual({ items: [{ ...stored, rank: expect.closeTo(0.6079, 3) }], nextCursor: null })
})

test('a word of the key ranks over one of the content type, and that over one of metadata or tags', async ({ sql }) => {
  const text = 'report report report report report'
  await record(
    sql,
    { key: 'in-metadata', metadata: { a: text, b: text } },
    { key: 'in-tags', tags: { a: text } },
    { key: 'in-type', contentType: 'application/report' },
    { key: 'report' },
  )
  const { items } = await searchObjects(sql, { query: 'report' })
  expect(items.map(({ key }) => key).slice(0, 2)).toEqual(['report', 'in-type'])
  expect(items.map(({ rank }) => rank > 0.2)).toEqual([true, true, false, false])
})

test('names of metadata and tags are not searched, their values are, at any depth', async ({ sql }) => {
  await record(sql, {
    key: 'k',
    metadata: { customer: 'Acme GmbH', deep: [{ year: 2024 }, 'nested'] },
    tags: { team: 'finance' },
  })
  expect(await found(sql, ['acme', 'gmbh', '2024', 'nested', 'finance', '"acme gmbh"'])).toEqual([
    ['k'],
    ['k'],
    ['k'],
    ['k'],
    ['k'],
    ['k'],
  ])
  expect(await found(sql, ['customer', 'team', 'year'])).toEqual([[], [], []])
})

test('new metadata, tags and content type are searched instead of the old', async ({ sql }) => {
  await record(sql, { key: 'k', contentType: 'text/html', metadata: { a: 'before' }, tags: { a: 'blue' } })
  await record(sql, { key: 'k', contentType: 'text/plain', metadata: { a: 'after' }, tags: { a: 'green' } })
  expect(await found(sql, ['before', 'blue', 'html'])).toEqual([[], [], []])
  expect(await found(sql, ['after', 'green', 'plain'])).toEqual([['k'], ['k'], ['k']])
})

test('a deleted object is not found', async ({ sql }) => {
  await record(sql, { key: 'gone.txt' })
  await deleteObject(sql, { bucket: BUCKET, key: 'gone.txt' })
  expect(await found(sql, ['gone'])).toEqual([[]])
})

test('a search of negations only finds everything else', async ({ sql }) => {
  await record(sql, { key: 'a/draft.txt' }, { key: 'a/final.txt' }, { key: 'b/final.txt' })
  expect(await found(sql, ['-draft'])).toEqual([['a/final.txt', 'b/final.txt']])
  expect(await found(sql, ['-draft'], { prefix: 'a/' })).toEqual([['a/final.txt']])
})

test('words without letters are ignored beside others', async ({ sql }) => {
  await record(sql, { key: 'Invoice - 2024.pdf' }, { key: 'Invoice.pdf' })
  expect(await found(sql, ['Invoice - 2024', 'invoice + 2024', '"---"', '"" invoice'.slice(3)])).toEqual([
    ['Invoice - 2024.pdf'],
    ['Invoice - 2024.pdf'],
    [],
    ['Invoice - 2024.pdf', 'Invoice.pdf'],
  ])
})

test('each filter applies, alone and with all others', async ({ sql }) => {
  const whole = {
    bucket: 'x',
    key: 'p/invoice%_a',
    size: 1,
    storageBackend: 'local',
    contentType: 'text/plain',
    metadata: { a: '1', b: '2' },
  }
  await recordObjects(sql, [
    whole,
    { ...whole, bucket: 'y' },
    { ...whole, key: 'p/invoice_a' },
    { ...whole, key: 'p/invoice%_b', storageBackend: 's3' },
    { ...whole, key: 'p/invoice%_c', contentType: 'text/html' },
    { ...whole, key: 'p/invoice%_d', metadata: { a: '1', b: '3' } },
  ])
  const keys = async (filter: Omit<SearchRequest, 'query'>) => {
    const { items } = await searchObjects(sql, { query: 'invoice', ...filter })
    return items.map(({ bucket, key }) => `${bucket}/${key}`).sort()
  }
  const all = ['x/p/invoice%_a', 'x/p/invoice%_b', 'x/p/invoice%_c', 'x/p/invoice%_d', 'x/p/invoice_a', 'y/p/invoice%_a']
  const without = (...names: string[]) => all.filter(name => !names.includes(name))
  expect(await keys({})).toEqual(all)
  expect(await keys({ bucket: 'x' })).toEqual(without('y/p/invoice%_a'))
  expect(await keys({ prefix: 'p/invoice%_' })).toEqual(without('x/p/invoice_a'))
  expect(await keys({ prefix: '' })).toEqual(all)
  expect(await keys({ backend: 'local' })).toEqual(without('x/p/invoice%_b'))
  expect(await keys({ contentType: 'text/plain' })).toEqual(without('x/p/invoice%_c'))
  expect([await keys({ contentType: 'text/*' }), await keys({ contentType: 'text/htm*' })]).toEqual([without(), []])
  expect(await keys({ metadata: { b: '2' } })).toEqual(without('x/p/invoice%_d'))
  const everything = {
    bucket: 'x',
    prefix: 'p/invoice%_',
    backend: 'local',
    contentType: 'text/plain',
    metadata: { a: '1', b: '2' },
  }
  expect(await keys(everything)).toEqual(['x/p/invoice%_a'])
})

test('matches of equal rank are sorted newest first, then by id', async ({ sql }) => {
  const day = (n: number) => new Date(Date.UTC(2024, 0, n))
  await record(
    sql,
    { key: 'a 1', lastModified: day(2) },
    { key: 'a 2', lastModified: day(3) },
    { key: 'a 3', lastModified: day(2) },
  )
  const { items } = await searchObjects(sql, { query: 'a' })
  expect(items.map(({ key }) => key)).toEqual(['a 2', 'a 3', 'a 1'])
})

test('a search is one statement', async ({ database, sql }) => {
  await record(sql, { key: 'invoice' })
  const { sql: watched, statements } = watchedClient(database.url)
  await searchObjects(watched, { query: 'invoice or "annual report" -draft', bucket: BUCKET, metadata: {} })
  await watched.end()
  expect(statements).toHaveLength(1)
})

describe('pages', () => {
  for (const limit of [1, 7, 50, 1000]) {
    test(`of ${limit} hold each match once, in the order of one list`, async ({ sql }) => {
      const objects = Array.from({ length: 120 }, (_, i) => ({
        key: i % 3 === 0 ? `report/report-${i}` : `x/report-${i}`,
        metadata: i % 5 === 0 ? { about: 'report' } : {},
        lastModified: new Date(Date.UTC(2024, 0, 1 + (i % 4))),
      }))
      await record(sql, ...objects)
      const { items } = await searchObjects(sql, { query: 'report', limit: 1000 })
      expect(items).toHaveLength(120)
      expect(await allKeys(sql, { query: 'report', limit })).toEqual(items.map(({ key }) => key))
    })
  }

  test('of a very common word return each match once, ranked within blocks of the newest', async ({ sql }) => {
    await recordMany(sql, 6000)
    const keys = await allKeys(sql, { query: 'common', limit: 300 })
    expect(new Set(keys).size).toBe(6000)
    expect(keys).toHaveLength(6000)
    const blocks = Array.from({ length: 6 }, (_, i) => keys.slice(i * 1000, (i + 1) * 1000))
    for (const [i, block] of blocks.entries()) {
      const numbers = block.map(key => Number(/\d+/.exec(key)?.[0]))
      expect([Math.min(...numbers), Math.max(...numbers)]).toEqual([6000 - (i + 1) * 1000, 6000 - i * 1000 - 1])
      const isTwice = block.map(key => key.endsWith('common'))
      expect(isTwice).toEqual([...isTwice].sort((a, b) => Number(b) - Number(a)))
    }
  })

  test('of a very common word are not disturbed by objects that are added or deleted between pages', async ({ sql }) => {
    await recordMany(sql, 6000)
    const first = await searchObjects(sql, { query: 'common', limit: 400 })
    await recordMany(sql, 30, 'common-new/')
    await deleteObject(sql, { bucket: BUCKET, key: first.items[0]!.key })
    const rest = await allKeys(sql, { query: 'common', limit: 400, cursor: first.nextCursor! })
    const keys = [...first.items.map(({ key }) => key), ...rest]
    expect(keys).toHaveLength(6000)
    expect(new Set(keys).size).toBe(6000)
    expect(keys.filter(key => key.startsWith('common-new'))).toEqual([])
  })

  test('of a word that few objects match under a filter are ranked as a whole, however common it is elsewhere', async ({
    sql,
  }) => {
    await recordMany(sql, 6000)
    await record(sql, { key: 'first/common-x' })
    await recordMany(sql, 1500, 'later/')
    await sql`analyze catalog.storage_objects`
    expect((await searchObjects(sql, { query: 'common', prefix: 'first/', bucket: BUCKET })).items.map(({ key }) => key)).toEqual(
      ['first/common-x'],
    )
  })

  test('of everything without a word end as well', async ({ sql }) => {
    await recordMany(sql, 6000)
    expect(await allKeys(sql, { query: '-absent', limit: 1000 })).toHaveLength(6000)
  })

  test.for([0, 1001, 1.5, Number.NaN])('of %s are refused', async (limit, { sql }) => {
    await expect(searchObjects(sql, { query: 'a', limit })).rejects.toThrow(
      new Invalid(`limit must be a whole number from 1 to 1000, not ${limit}`),
    )
  })

  const LIST = listName('search', { query: 'a' })

  test('with a cursor far above every id cost no more than the newest block', async ({ sql }) => {
    await record(sql, { key: 'a' })
    const cursor = encodeCursor(LIST, ['newest', Number.MAX_SAFE_INTEGER, 0, 2, '2024-01-01T00:00:00Z', 0])
    expect((await searchObjects(sql, { query: 'a', cursor })).items.map(({ key }) => key)).toEqual(['a'])
  })

  const CURSORS = {
    nonsense: 'nonsense',
    'another list': encodeCursor('objects', ['a']),
    'an unknown mode': encodeCursor(LIST, ['some', 0, 0, 0.5, '2024-01-01T00:00:00Z', 1]),
    'half an id': encodeCursor(LIST, ['all', 0, 0, 0.5, '2024-01-01T00:00:00Z', 1.5]),
    'a giant id': encodeCursor(LIST, ['newest', 1e300, 0, 0.5, '2024-01-01T00:00:00Z', 1]),
    'a giant rank': encodeCursor(LIST, ['all', 0, 0, 1e300, '2024-01-01T00:00:00Z', 1]),
    'no time': encodeCursor(LIST, ['all', 0, 0, 0.5, 'yesterday', 1]),
  }
  test.for(Object.entries(CURSORS))('with a cursor of %s are refused', async ([, cursor], { sql }) => {
    await expect(searchObjects(sql, { query: 'a', cursor })).rejects.toThrow(Invalid)
  })
})

test('a search of 32 words with every operator runs', async ({ sql }) => {
  await record(sql, { key: 'a b c' })
  const words = Array.from({ length: 14 }, (_, i) => `w${i}*`).join(' | ')
  const query = `(a <-> b <2> x | "a b" c) & !(z or y) & (b <-> (c | d)) | ${words} | (${words.slice(0, 20)})`
  expect(await found(sql, [query])).toEqual([['a b c']])
})

test('U+0000 and lone surrogates in a search only separate words', async ({ sql }) => {
  await record(sql, { key: 'a b' })
  expect(await found(sql, ['a\0b', 'a\ud800b'])).toEqual([['a b'], ['a b']])
})

async function record(sql: Sql, ...objects: (Partial<NewObject> & { key: string })[]) {
  await recordObjects(
    sql,
    objects.map(object => ({ bucket: BUCKET, size: 1, lastModified: new Date('2024-01-01T00:00:00Z'), ...object })),
  )
}

/** Objects in the order of their numbers; each tenth has the word twice. Statistics are what the planner needs to see that these are many. */
async function recordMany(sql: Sql, n: number, prefix = '') {
  for (let start = 0; start < n; start += 1000) {
    await record(
      sql,
      ...Array.from({ length: Math.min(1000, n - start) }, (_, i) => {
        const number = String(start + i).padStart(6, '0')
        return { key: `${prefix}${number}-common${i % 10 === 0 ? '-common' : ''}` }
      }),
    )
  }
  await sql`analyze catalog.storage_objects`
}

async function found(sql: Sql, queries: string[], filter: Omit<SearchRequest, 'query'> = {}) {
  const pages = await Promise.all(queries.map(query => searchObjects(sql, { query, ...filter })))
  return pages.map(({ items }) => items.map(({ key }) => key).sort())
}

async function allKeys(sql: Sql, request: SearchRequest): Promise<string[]> {
  const keys: string[] = []
  for (let cursor = request.cursor; ; ) {
    const page = await searchObjects(sql, { ...request, cursor })
    keys.push(...page.items.map(({ key }) => key))
    if (page.nextCursor === null) return keys
    cursor = page.nextCursor
  }
}
