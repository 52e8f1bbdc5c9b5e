import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { joinWithListing, type ListedObject } from '../../cli/upload/compare.ts'
import { type WalkOptions, walk } from '../../cli/upload/walk.ts'
import { fc } from '../support/random.ts'

test('files are ordered by the bytes of their keys, as S3 lists them', async () => {
  const paths = ['a/x', 'a-b', 'a.b/x', 'a0', 'a/b/c', 'B', '\u{1f600}', '\uffee', '\u00e9']
  const keys = await keysOf(paths, { prefix: 'in/' })
  expect(keys).toEqual(['in/B', 'in/a-b', 'in/a.b/x', 'in/a/b/c', 'in/a/x', 'in/a0', 'in/\u00e9', 'in/\uffee', 'in/\u{1f600}'])
})

test('the order holds for any names', async () => {
  const name = fc.string({
    unit: fc.constantFrom('a', 'B', '-', '.b', '0', 'é', '\u{1f600}', '\uffee', '\x01'),
    minLength: 1,
    maxLength: 3,
  })
  const folders = fc.uniqueArray(fc.tuple(name, name), { minLength: 1, maxLength: 20, selector: pair => pair.join('/') })
  await fc.assert(
    fc.asyncProperty(folders, async pairs => {
      const paths = pairs.map(([folder, file]) => `${folder}/${file}`)
      expect(await keysOf(paths)).toEqual(paths.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
    }),
    { numRuns: 50 },
  )
})

test('symbolic links are followed to files and folders, but not to parent folders', async () => {
  const links = { 'file-link': 'a/x', 'folder-link': 'a', 'a/up': '..', 'b/round': '../c', 'c/round': '../b' }
  expect(await keysOf(['a/x', 'b/y', 'c/z'], {}, links)).toEqual([
    'a/x',
    'b/round/z',
    'b/y',
    'c/round/y',
    'c/z',
    'file-link',
    'folder-link/x',
  ])
  expect(await keysOf(['a/x', 'b/y', 'c/z'], { links: false }, links)).toEqual(['a/x', 'b/y', 'c/z'])
})

test('a folder that could not be read was a stack trace', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'storage-catalog-walk-'))
  try {
    for (const path of ['a', 'b/x', 'c']) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), path)
    }
    const met = []
    for await (const found of walk(Buffer.from(folder))) {
      met.push('file' in found ? found.file.key : found.skipped.reason)
      rmSync(join(folder, 'b'), { recursive: true, force: true })
    }
    expect(met).toEqual(['a', 'it no longer exists', 'c'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('each file is joined with the object of exactly its key', async () => {
  const found = ['a', 'b', 'd', 'é'].map(key => ({ file: { key, path: Buffer.from(key), size: 1 } }))
  const listing = ['', 'a', 'c', 'd', 'd/', 'z', 'é'].map(key => ({ key, size: 1, etag: key }))
  const met = []
  for await (const one of joinWithListing(each(found), each<ListedObject>(listing)))
    if ('file' in one) met.push([one.file.key, one.listed?.etag])
  expect(met).toEqual([
    ['a', 'a'],
    ['b', undefined],
    ['d', 'd'],
    ['é', 'é'],
  ])
})

async function* each<T>(items: T[]): AsyncGenerator<T> {
  yield* items
}

async function keysOf(paths: string[], options: WalkOptions = {}, links: Record<string, string> = {}): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'storage-catalog-walk-'))
  try {
    for (const path of paths) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), path)
    }
    for (const [path, target] of Object.entries(links)) symlinkSync(target, join(folder, path))
    const keys: string[] = []
    for await (const found of walk(Buffer.from(folder), options)) if ('file' in found) keys.push(found.file.key)
    return keys
  } finally {
    rmSync(folder, { recursive: true })
  }
}
