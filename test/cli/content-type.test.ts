import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { contentTypeOf } from '../../cli/upload/content-type.ts'

const folder = mkdtempSync(join(tmpdir(), 'storage-catalog-types-'))

afterAll(() => rmSync(folder, { recursive: true }))

test.each([
  ['app/main.py', 'text/x-python'],
  ['app/main.ts', 'text/typescript'],
  ['app/View.TSX', 'text/typescript'],
  ['index.php', 'text/x-php'],
  ['lib.rs', 'text/x-rust'],
  ['main.go', 'text/x-go'],
  ['Dockerfile', 'text/plain'],
  ['a/.gitignore', 'text/plain'],
  ['README.md', 'text/markdown'],
  ['config.yaml', 'text/yaml'],
  ['report.pdf', 'application/pdf'],
  ['data.parquet', 'application/vnd.apache.parquet'],
  ['unknown.xyzzy', 'application/octet-stream'],
  ['a.py/none', 'application/octet-stream'],
])('sources had no type, or that of something else: %s is %s', async (key, type) => {
  expect(await contentTypeOf(file(key, 'Greetings'))).toBe(type)
})

test('a video with the extension of TypeScript is a video', async () => {
  expect(await contentTypeOf(file('film.ts', Buffer.alloc(188 * 3, 'G')))).toBe('video/mp2t')
})

function file(key: string, content: string | Buffer) {
  const path = join(folder, 'file')
  writeFileSync(path, content)
  return { key, path: Buffer.from(path) }
}
