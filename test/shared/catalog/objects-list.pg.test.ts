import { describe, expect } from 'vitest'
import { deleteObject, listObjects, type ObjectFilter, recordObjects } from '../../../shared/catalog/objects.ts'
import type { Sql } from '../../../shared/database/connection.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'
import { fc } from '../../support/random.ts'

/** Every page of a list, an entry a line: keys as they are, folders with `> ` before them. */
async function entriesOf(sql: Sql, filter: ObjectFilter): Promise<{ keys: string[]; prefixes: string[]; pages: number }> {
  const keys: string[] = []
  const prefixes: string[] = []
  for (let cursor: string | undefined, pages = 1; ; pages++) {
    const page = await listObjects(sql, { ...filter, cursor })
    expect(page.items.length + page.prefixes.length).toBeLessThanOrEqual(filter.limit ?? 100)
    keys.push(...page.items.map(({ key }) => key))
    prefixes.push(...page.prefixes)
    if (page.nextCursor === null) return { keys, prefixes, pages }
    cursor = page.nextCursor
  }
}

async function fill(sql: Sql, keys: string[]): Promise<void> {
  await recordObjects(
    sql,
    keys.map(key => ({ bucket: 'docs', key, size: 1 })),
  )
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** What S3 returns, by a naive implementation. */
function naively(keys: string[], prefix: string, delimiter: string): { keys: string[]; prefixes: string[] } {
  const found = [...new Set(keys)].filter(key => key.startsWith(prefix)).sort(byBytes)
  const folder = (key: string) => {
    const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
    return at < 0 ? null : key.slice(0, at + delimiter.length)
  }
  const folders = found.map(folder).filter(name => name !== null)
  return { keys: found.filter(key => folder(key) === null), prefixes: [...new Set(folders)] }
}

const ODD_KEYS = [
  '/lead', 'a', 'a\0', 'a\x01', 'a\x02', 'a//b', 'a/b', 'a/b/', 'a/b/c', 'a/../b', 'a%b', 'a%41', 'aAb', 'a_b', 'axb', 'a\\b', 'a+b',
  'a b', 'ab', 'B', 'ü', 'u\u0308', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{1F600}/x', '\u{10FFFF}', '\u{10FFFF}\u{10FFFF}/',
] // biome-ignore format: a table

describe('listObjects', () => {
  test('keys are sorted by their bytes and returned once', async ({ sql }) => {
    await fill(sql, ODD_KEYS)
    expect((await entriesOf(sql, { bucket: 'docs', limit: 4 })).keys).toEqual(ODD_KEYS.toSorted(byBytes))
  })

  test('a prefix is literal: %, _ and \\ have no special meaning', async ({ sql }) => {
    await fill(sql, ODD_KEYS)
    for (const prefix of ['', ...ODD_KEYS, 'a/', 'a/b/c/d', 'nothing', 'a\x01\x01', '\ud7ff\u{10FFFF}']) {
      expect((await entriesOf(sql, { bucket: 'docs', prefix })).keys, prefix).toEqual(naively(ODD_KEYS, prefix, '').keys)
    }
  })

  test('a delimiter of any length and position groups keys into folders', async ({ sql }) => {
    await fill(sql, ODD_KEYS)
    for (const delimiter of ['/', '//', 'b', '/b/', 'ü', '\ud7ff', '\u{10000}', '/../', 'never']) {
      for (const prefix of ['', 'a', 'a/', 'a//', '/', '\u{1F600}']) {
        for (const limit of [1, 2, 1000]) {
          const { keys, prefixes } = await entriesOf(sql, { bucket: 'docs', prefix, delimiter, limit })
          expect({ keys, prefixes }, JSON.stringify({ prefix, delimiter, limit })).toEqual(naively(ODD_KEYS, prefix, delimiter))
        }
      }
    }
  })

  test('lists equal those of a naive implementation, for random keys, prefixes, delimiters and limits', {
    timeout: 120_000,
  }, async ({ sql }) => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '/',
      '//',
      '.',
      '\0',
      '\x01',
      '\x02',
      'ü',
      '\u{1F600}',
      '\ue000',
      '\u{10FFFF}',
      '%',
      '_',
    )
    const text = (maxLength: number) => fc.array(piece, { maxLength }).map(pieces => pieces.join(''))
    const keys = fc.array(
      text(6).filter(key => key !== ''),
      { minLength: 1, maxLength: 25 },
    )
    const delimiter = fc.constantFrom('', '/', '/', '//', 'a', 'b/', 'ü', '/\u{10FFFF}', '\u{1F600}')
    const property = fc.asyncProperty(
      keys,
      text(2),
      delimiter,
      fc.integer({ min: 1, max: 7 }),
      async (keys, prefix, delimiter, limit) => {
        const bucket = crypto.randomUUID()
        await recordObjects(
          sql,
          keys.map(key => ({ bucket, key, size: 1 })),
        )
        const { keys: found, prefixes } = await entriesOf(sql, { bucket, prefix, delimiter, limit })
        expect({ keys: found, prefixes }).toEqual(naively(keys, prefix, delimiter))
      },
    )
    await fc.assert(property, { numRuns: 300, endOnFailure: false })
  })

  test('a page has as many entries as requested, and a cursor only if there are more', async ({ sql }) => {
    await fill(sql, ['a', 'b/1', 'b/2', 'c', 'd/1'])
    const pages = async (limit: number) => (await entriesOf(sql, { bucket: 'docs', delimiter: '/', limit })).pages
    expect([await pages(1), await pages(3), await pages(4), await pages(5)]).toEqual([4, 2, 1, 1])
    const flat = async (limit: number) => (await entriesOf(sql, { bucket: 'docs', limit })).pages
    expect([await flat(1), await flat(4), await flat(5), await flat(6)]).toEqual([5, 2, 1, 1])
  })

  test('a page can have a thousand entries, and has a hundred by default', async ({ sql }) => {
    const keys = Array.from({ length: 1001 }, (_, n) => `k${String(n).padStart(4, '0')}`)
    await fill(sql, keys)
    expect((await listObjects(sql, { bucket: 'docs', limit: 1000 })).items.map(({ key }) => key)).toEqual(keys.slice(0, 1000))
    expect((await listObjects(sql, { bucket: 'docs' })).items).toHaveLength(100)
    expect((await listObjects(sql, { bucket: 'docs', delimiter: '/', limit: 1000 })).items).toHaveLength(1000)
  })

  test('a page continues after the last one although its last key was deleted and other keys were added before it', async ({
    sql,
  }) => {
    await fill(sql, ['b', 'c', 'd', 'e'])
    const { nextCursor } = await listObjects(sql, { bucket: 'docs', limit: 2 })
    await deleteObject(sql, { bucket: 'docs', key: 'c' })
    await fill(sql, ['a', 'c2'])
    const rest = await listObjects(sql, { bucket: 'docs', cursor: nextCursor! })
    expect(rest.items.map(({ key }) => key)).toEqual(['c2', 'd', 'e'])
  })

  test('backend and metadata filter objects, and folders without a matching object', async ({ sql }) => {
    await recordObjects(sql, [
      { bucket: 'docs', key: 'a/1', size: 1, storageBackend: 'local', metadata: { team: 'x', pages: 3 } },
      { bucket: 'docs', key: 'b/1', size: 1, metadata: { team: 'x' } },
      { bucket: 'docs', key: 'b/2', size: 1, metadata: { team: 'y', 'n\0': '\0' } },
      { bucket: 'docs', key: 'c', size: 1, metadata: { team: 'y', deep: { a: 1, b: 2 } } },
      { bucket: 'other', key: 'a/1', size: 1, storageBackend: 'local', metadata: { team: 'x' } },
    ])
    const keys = async (filter: Partial<ObjectFilter>) => (await entriesOf(sql, { bucket: 'docs', limit: 1, ...filter })).keys
    expect(await keys({ backend: 'local' })).toEqual(['a/1'])
    expect(await keys({ backend: 's3' })).toEqual(['b/1', 'b/2', 'c'])
    expect(await keys({ metadata: { team: 'x' } })).toEqual(['a/1', 'b/1'])
    expect(await keys({ metadata: { team: 'x', pages: 3 } })).toEqual(['a/1'])
    expect(await keys({ metadata: { deep: { a: 1 } } })).toEqual(['c'])
    expect(await keys({ metadata: { 'n\0': '\0' } })).toEqual(['b/2'])
    expect(await keys({ backend: 's3', metadata: { team: 'x' }, prefix: 'b' })).toEqual(['b/1'])
    expect(await entriesOf(sql, { bucket: 'docs', delimiter: '/', metadata: { team: 'y' } })).toMatchObject({
      keys: ['c'],
      prefixes: ['b/'],
    })
  })

  test('an unknown bucket is empty', async ({ sql }) => {
    expect(await listObjects(sql, { bucket: 'none', delimiter: '/' })).toEqual({ items: [], prefixes: [], nextCursor: null })
  })

  test('a cursor that is malformed, of another list or of another prefix is refused', async ({ sql }) => {
    await fill(sql, ['a/1', 'a/2', 'b/1'])
    const { nextCursor } = await listObjects(sql, { bucket: 'docs', prefix: 'a/', limit: 1 })
    const refused = async (cursor: string, prefix?: string) => {
      await expect(listObjects(sql, { bucket: 'docs', cursor, prefix })).rejects.toMatchObject({ name: 'Invalid' })
    }
    await refused('nonsense')
    await refused(Buffer.from('["versions","a"]').toString('base64url'))
    await refused(Buffer.from('["objects",7]').toString('base64url'))
    await refused(nextCursor!, 'b/')
  })

  test('a delimiter that could be confused with an escape of a stored key is refused', async ({ sql }) => {
    for (const delimiter of ['\0', 'a\x01', '\x02', '\u{10FFFF}']) {
      await expect(listObjects(sql, { bucket: 'docs', delimiter })).rejects.toMatchObject({ name: 'Invalid' })
    }
  })
})
