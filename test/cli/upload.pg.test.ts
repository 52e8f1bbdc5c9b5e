import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ListMultipartUploadsCommand, ListObjectVersionsCommand, type ObjectVersion } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { decodeKey } from '../../shared/s3/key-encoding.ts'
import { eventually, type TestCatalog, testCatalog } from './catalog.ts'
import { runInTerminal } from './terminal.ts'

let given: TestCatalog

beforeAll(async () => {
  given = await testCatalog()
})

afterAll(() => given?.[Symbol.asyncDispose]())

test('every file of a folder is found by the words of its name, and the statistics equal the folder', async () => {
  const folder = await makeFolder('found', {
    'report-2024.pdf': 'a',
    'letters/helloWorld.txt': 'bb',
    'letters/deep/Straße.md': 'ccc',
  })
  const ran = await given.run('upload', folder, '--prefix', 'found')
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining('3 uploaded, 0 unchanged, 0 skipped, 0 failed') })
  const expected = {
    'report 2024': 'found/report-2024.pdf',
    'hello world': 'found/letters/helloWorld.txt',
    straße: 'found/letters/deep/Straße.md',
  }
  for (const [words, key] of Object.entries(expected)) {
    const found = await eventually(
      async () => json(await given.run('search', words, '--json')).items,
      items => items.length > 0,
    )
    expect(found).toMatchObject([{ key }])
  }
  expect(json(await given.run('stats', '--json'))).toMatchObject({ objects: 3, bytes: 6, versions: 3, deleteMarkers: 0 })
})

test('the sum of an upload lost the bytes of files that were uploaded at once', async () => {
  const folder = await makeFolder('sum', Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`${n}`, 'x'.repeat(50)])))
  expect((await given.run('upload', folder, '--prefix', 'sum')).stdout).toMatch(/^20 files, 1000 B in /)
})

test('in a terminal an upload shows percent and time left in one line', async () => {
  const folder = await makeFolder('shown', { 'a.txt': 'a', 'b.txt': 'b' })
  const env = { CATALOG_DATA: join(given.folder, 'data') }
  const { lines, code, isWrapped } = await runInTerminal(['upload', folder, '--prefix', 'shown', '--bucket', 'catalog'], 80, env)
  expect({ code, isWrapped }).toEqual({ code: 0, isWrapped: false })
  expect(lines[0]).toMatch(/^[█░]+ 100% 2 of 2 files, 2 B, \d+ files\/s, ETA /)
})

/** Enough that an upload of four files at once is stopped in the middle. */
const FILES = 240

test.each(['SIGINT', 'SIGKILL'] as const)(
  'an upload stopped by %s is continued by the next, which uploads nothing twice',
  async signal => {
    const prefix = `stopped-${signal}/`
    const contents = Object.fromEntries(Array.from({ length: FILES }, (_, n) => [`${n % 40}/file-${n}.txt`, `content ${n}`]))
    const folder = await makeFolder(prefix, contents)
    const first = given.start('upload', folder, '--prefix', prefix, '--concurrency', '4')
    await eventually(
      () => versionsBelow(prefix),
      ({ length }) => length >= 20,
    )
    first.child.kill(signal)
    const ran = await first.ended
    if (signal === 'SIGINT')
      expect(ran).toMatchObject({ code: 130, stderr: expect.stringContaining('Run the same command again') })
    const second = await given.run('upload', folder, '--prefix', prefix)
    const [, uploaded, unchanged] = /(\d+) uploaded, (\d+) unchanged, 0 skipped, 0 failed/.exec(second.stdout)?.map(Number) ?? []
    expect(unchanged).toBeGreaterThanOrEqual(20)
    expect(uploaded).toBeGreaterThan(0)
    // One version of each file: nothing was uploaded twice.
    const versions = await versionsBelow(prefix)
    expect(versions.map(({ Key }) => Key?.slice(prefix.length)).sort()).toEqual(Object.keys(contents).sort())
    expect({ code: second.code, files: uploaded! + unchanged! }).toEqual({ code: 0, files: FILES })
  },
)

/** More parts of 8 MiB than are uploaded at once. */
const LARGE = 80 * 1024 ** 2

test('an upload stopped within a large file leaves no parts, and the next one uploads the file', async () => {
  const folder = await makeFolder('large', { 'large.bin': Buffer.alloc(LARGE, 'storage') })
  const first = given.start('upload', folder, '--prefix', 'large')
  await eventually(parts, ({ length }) => length > 0)
  first.child.kill('SIGINT')
  expect((await first.ended).code).toBe(130)
  expect(await parts()).toEqual([])
  expect(await versionsBelow('large/')).toEqual([])
  expect((await given.run('upload', folder, '--prefix', 'large')).code).toBe(0)
  expect(await versionsBelow('large/')).toMatchObject([{ Key: 'large/large.bin', Size: LARGE }])
  expect((await given.run('upload', folder, '--prefix', 'large')).stdout).toContain('0 uploaded, 1 unchanged')
})

test('a file of the same size but with other content is uploaded again', async () => {
  const folder = await makeFolder('changed', { 'a.txt': 'one', 'b.txt': 'two' })
  await given.run('upload', folder, '--prefix', 'changed')
  await writeFile(join(folder, 'b.txt'), 'six')
  expect((await given.run('upload', folder, '--prefix', 'changed/')).stdout).toContain('1 uploaded, 1 unchanged')
  expect((await versionsBelow('changed/')).map(({ Key, IsLatest }) => [Key, IsLatest])).toEqual([
    ['changed/a.txt', true],
    ['changed/b.txt', true],
    ['changed/b.txt', false],
  ])
})

test('skipped paths are listed with reasons, and a file that cannot be uploaded fails the command', async () => {
  const folder = await makeFolder('odd', { 'plain.txt': 'x' })
  await symlink('nowhere', join(folder, 'broken'))
  await symlink('.', join(folder, 'loop'))
  const harmless = await given.run('upload', folder, '--prefix', 'odd')
  expect(harmless).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('1 uploaded, 0 unchanged, 2 skipped, 0 failed'),
  })
  expect(harmless.stderr).toContain(`${folder}/broken: broken symbolic link (ENOENT)`)
  expect(harmless.stderr).toContain(`${folder}/loop: symbolic link to a parent folder`)
  await writeFile(Buffer.concat([Buffer.from(`${folder}/not-utf-8-`), Buffer.from([0xff])]), 'lost')
  const lost = await given.run('upload', folder, '--prefix', 'odd')
  expect(lost).toMatchObject({ code: 1, stdout: expect.stringContaining('0 uploaded, 1 unchanged, 2 skipped, 1 failed') })
  expect(lost.stderr).toContain('not-utf-8-\\xff: its name is not UTF-8, which S3 requires: rename it')
})

test('names keep their bytes, whatever characters they have', async () => {
  const names = ['plus + and %41.txt', 'e\u0301.txt', '\u00e9.txt', 'line\nbreak\x1b[31m', ' leading', '😀', 'a&<b>"\'']
  const folder = await makeFolder('names', Object.fromEntries(names.map(name => [name, name])))
  expect((await given.run('upload', folder, '--prefix', 'names')).code).toBe(0)
  const keys = (await versionsBelow('names/')).map(({ Key = '' }) => Key)
  expect(keys.sort()).toEqual(names.map(name => `names/${name}`).sort())
  const listed = json(await given.run('list', 'names/', '--all', '--json'))
  expect(listed.items.map(({ key }) => key).sort()).toEqual(keys)
  expect((await given.run('list', 'names/')).stdout).toContain('names/line\\u000abreak\\u001b[31m')
})

test.each([
  ['a missing folder', ['upload', '/nowhere'], '/nowhere does not exist'],
  ['a file instead of a folder', ['upload', import.meta.filename], 'is not a folder'],
  ['a missing bucket', ['upload', import.meta.dirname, '--bucket', 'absent'], 'Bucket absent does not exist at'],
  [
    'an S3 endpoint that is not running',
    ['upload', import.meta.dirname, '--s3', 'http://127.0.0.1:1'],
    'Cannot reach http://127.0.0.1:1',
  ],
])('%s fails with one line', async (_, args, reason) => {
  const { code, stdout, stderr } = await given.run(...args)
  expect({ code, stdout, lines: stderr.trimEnd().split('\n').length }).toEqual({ code: 1, stdout: '', lines: 1 })
  expect(stderr).toContain(reason)
})

async function makeFolder(name: string, contents: Record<string, string | Buffer>): Promise<string> {
  const folder = join(given.folder, name)
  for (const parent of new Set(Object.keys(contents).map(path => join(folder, path, '..'))))
    await mkdir(parent, { recursive: true })
  for (const [path, content] of Object.entries(contents)) await writeFile(join(folder, path), content)
  expect((await readdir(folder)).length).toBeGreaterThan(0)
  return folder
}

async function versionsBelow(prefix: string): Promise<ObjectVersion[]> {
  const found: ObjectVersion[] = []
  let markers: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {}
  while (markers) {
    const page: Awaited<ReturnType<typeof listVersions>> = await listVersions(prefix, markers)
    found.push(...(page.Versions ?? []).map(version => ({ ...version, Key: decodeKey(version.Key!) })))
    markers = page.IsTruncated
      ? { KeyMarker: decodeKey(page.NextKeyMarker!), VersionIdMarker: page.NextVersionIdMarker }
      : undefined
  }
  return found
}

function listVersions(prefix: string, markers: { KeyMarker?: string; VersionIdMarker?: string }) {
  return given.s3.send(new ListObjectVersionsCommand({ Bucket: 'catalog', Prefix: prefix, EncodingType: 'url', ...markers }))
}

async function parts() {
  const { Uploads = [] } = await given.s3.send(new ListMultipartUploadsCommand({ Bucket: 'catalog' }))
  return Uploads
}

function json({ stdout, stderr }: { stdout: string; stderr: string }): { items: { key: string }[] } {
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}
