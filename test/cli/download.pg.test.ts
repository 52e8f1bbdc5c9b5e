import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fetchFile } from '../../cli/download/fetch-file.ts'
import { problemOfPath } from '../../cli/download/paths.ts'
import { putObject, type TestCatalog, testCatalog } from './catalog.ts'
import { runInTerminal } from './terminal.ts'

let given: TestCatalog

beforeAll(async () => {
  given = await testCatalog()
})

afterAll(() => given?.[Symbol.asyncDispose]())

test('a file is downloaded once, another file of its name is kept, and --overwrite replaces it', async () => {
  const old = await put('a/report.txt', 'old')
  await put('a/report.txt', 'new')
  const folder = await makeFolder('one')
  const file = join(folder, 'report.txt')
  expect((await given.run('download', 'a/report.txt', folder)).stdout).toBe(`${file}: 3 B downloaded\n`)
  expect((await given.run('download', 'a/report.txt', folder)).stdout).toBe(`${file}: 3 B is there already\n`)
  expect(await given.run('download', 'a/report.txt', folder, '--version-id', old)).toMatchObject({
    code: 1,
    stderr: `catalog: ${file}: another file is there: --overwrite replaces it\n`,
  })
  expect(await readFile(file, 'utf8')).toBe('new')
  expect((await given.run('download', 'a/report.txt', file, '--version-id', old, '--overwrite')).code).toBe(0)
  expect(await readFile(file, 'utf8')).toBe('old')
  expect(await readdir(folder)).toEqual(['report.txt'])
  expect(await given.run('download', 'a/report.txt', '-')).toEqual({ code: 0, stdout: 'new', stderr: '' })
})

test.each([
  ['a key that does not exist', 'absent', 'is not in the catalog. Find it with'],
  ['a prefix without keys', 'absent/', 'No key begins with absent/.'],
])('%s says what to do next', async (_, key, reason) => {
  const { code, stderr } = await given.run('download', key, await makeFolder('none'))
  expect([code, stderr]).toEqual([1, expect.stringContaining(reason)])
})

test('an interrupted download is continued where it ended', async () => {
  const content = randomBytes(4 * 1024 ** 2)
  const versionId = await put('large.bin', content)
  const object = (await (await fetch(`${given.catalog.apiUrl}/object?key=large.bin`)).json()) as { etag: string }
  const source = { key: 'large.bin', versionId, size: content.length, etag: object.etag }
  const file = join(await makeFolder('resumed'), 'large.bin')
  const target = { apiUrl: given.catalog.apiUrl, region: 'us-east-1' }
  const stop = new AbortController()
  const onBytes = (bytes: number) => {
    if (bytes > content.length / 2) stop.abort()
  }
  await expect(fetchFile(target, source, file, { overwrite: false, signal: stop.signal, onBytes })).rejects.toThrow()
  const options = { overwrite: false, signal: new AbortController().signal, onBytes: () => undefined }
  const { resumed } = await fetchFile(target, source, file, options)
  expect(resumed).toBeGreaterThan(content.length / 2)
  expect(content.equals(await readFile(file))).toBe(true)
  const wrong = { ...source, etag: '0'.repeat(32) }
  await expect(fetchFile(target, wrong, `${file}.2`, options)).rejects.toThrow('its content is not that of the version')
})

test('a file with a content encoding was decoded', async () => {
  const body = gzipSync('text')
  await put('encoded.txt', body, { ContentEncoding: 'gzip' })
  const folder = await makeFolder('encoded')
  expect((await given.run('download', 'encoded.txt', folder)).code).toBe(0)
  expect(body.equals(await readFile(join(folder, 'encoded.txt')))).toBe(true)
})

test('a download writes nothing outside of its folder, and names what the file system cannot hold', async () => {
  const outside = await makeFolder('outside')
  const folder = await makeFolder('inside')
  await symlink(outside, join(folder, 'link'))
  await mkdir(join(folder, 'taken'))
  const bad = ['../evil', 'x/../../evil', '/evil', 'link/evil', `${'n'.repeat(256)}`, 'taken', 'file/below', './dot']
  for (const path of ['file', 'fine/漢字 a+b%.txt', 'marker/', ...bad]) await put(`tree/${path}`, path === 'marker/' ? '' : path)
  const { code, stdout, stderr } = await given.run('download', 'tree/', folder, '--concurrency', '1')
  expect([code, stdout]).toEqual([1, expect.stringContaining('2 files, ')])
  expect(stderr).toContain('catalog: 8 files not downloaded\n')
  for (const path of bad) expect(stderr).toContain(`  tree/${path}: `)
  expect(await readdir(outside)).toEqual([])
  expect((await readdir(folder, { recursive: true })).sort()).toEqual(['file', 'fine', 'fine/漢字 a+b%.txt', 'link', 'taken'])
  await writeFile(join(folder, 'file'), 'changed')
  expect((await given.run('download', 'tree/fine/', join(folder, 'fine'))).stdout).toContain('0 files, 0 B downloaded')
})

test('an object with content whose key is the prefix itself was left out without a word', async () => {
  await put('self/', 'content')
  await put('self/file', 'x')
  expect(await given.run('download', 'self/', await makeFolder('self'))).toEqual({
    code: 1,
    stdout: expect.stringMatching(/^1 file, 1 B downloaded to .+, 0 unchanged, 0 not compared, 1 failed\n$/),
    stderr: '  self/: its key ends with a slash, so it is not a file\ncatalog: 1 file not downloaded\n',
  })
})

test('a prefix with nothing but a folder marker was said to have no keys', async () => {
  await put('hollow/', '')
  expect(await given.run('download', 'hollow/', await makeFolder('hollow'))).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^0 files, 0 B downloaded to /),
    stderr: '',
  })
})

test('names that Windows reserves are refused there', () => {
  expect(
    ['con.txt', 'a/b?.txt', 'a\\b', 'end.', 'COM1', 'fine.txt'].map(path => problemOfPath(path, 'win32') !== undefined),
  ).toEqual([...[true, true, true, true, true], false])
})

test('in a terminal a download shows percent and time left in one line', async () => {
  await put('shown.bin', randomBytes(1024 ** 2))
  const env = { CATALOG_DATA: join(given.folder, 'data') }
  const { lines, code, isWrapped } = await runInTerminal(['download', 'shown.bin', await makeFolder('shown')], 100, env)
  expect({ code, isWrapped }).toEqual({ code: 0, isWrapped: false })
  expect(lines[0]).toMatch(/100% 1\.0 MiB of 1\.0 MiB, .+\/s, ETA /)
  expect(lines[1]).toMatch(/shown\.bin: 1\.0 MiB downloaded$/)
})

async function makeFolder(name: string): Promise<string> {
  const folder = join(given.folder, name)
  await mkdir(folder, { recursive: true })
  return folder
}

const put = (key: string, body: string | Buffer, rest?: object) => putObject(given, key, body, rest)
