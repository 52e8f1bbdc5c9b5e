import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ListMultipartUploadsCommand, ListObjectVersionsCommand, type ObjectVersion } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { decodeKey, decodeKey, decodeKey, decodeKey, decodeKey, decodeKey, decodeKey, decodeKey } from '../../shared/s3/key-encoding.ts'
import { eventually, type TestCatalog, testCatalog } from './catalog.ts'

let given: TestCatalog

import { decodeKey, decodeKey } from '../../shared/s3/key-encoding.ts'

beforeAll(async () => {
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  given = await testCatalog()
import { decodeKey } from '../../shared/s3/key-encoding.ts'
})

import { decodeKey, decodeKey } from '../../shared/s3/key-encoding.ts'

afterAll(() => given?.[Symbol.asyncDispose]())

import { decodeKey, decodeKey } from '../../shared/s3/key-encoding.ts'

test('every file of a folder is found by the words of its name, and the statistics equal the folder', async () => {
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  const folder = await makeFolder('found', {
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    'report-2024.pdf': 'a',
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    'letters/helloWorld.txt': 'bb',
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    'letters/deep/Straße.md': 'ccc',
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  })
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  const ran = await given.run('upload', folder, '--prefix', 'found')
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining('3 uploaded, 0 unchanged, 0 skipped, 0 failed') })
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  const expected = {
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    'report 2024': 'found/report-2024.pdf',
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    'hello world': 'found/letters/helloWorld.txt',
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    straße: 'found/letters/deep/Straße.md',
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  }
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  for (const [words, key] of Object.entries(expected)) {
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    const found = await eventually(
import { decodeKey } from '../../shared/s3/key-encoding.ts'
      async () => json(await given.run('search', words, '--json')).items,
import { decodeKey } from '../../shared/s3/key-encoding.ts'
      items => items.length > 0,
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    )
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    expect(found).toMatchObject([{ key }])
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  }
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect(json(await given.run('stats', '--json'))).toMatchObject({ objects: 3, bytes: 6, versions: 3, deleteMarkers: 0 })
import { decodeKey } from '../../shared/s3/key-encoding.ts'
})

import { decodeKey, decodeKey } from '../../shared/s3/key-encoding.ts'

test.each(['SIGINT', 'SIGKILL'] as const)(

import { decodeKey } from '../../shared/s3/key-encoding.ts'

  'an upload stopped by %s is continued by the next, which uploads nothing twice',

import { decodeKey } from '../../shared/s3/key-encoding.ts'

  async signal => {
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    const prefix = `stopped-${signal}/`
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    const contents = Object.fromEntries(Array.from({ length: 1500 }, (_, n) => [`${n % 40}/file-${n}.txt`, `content ${n}`]))
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    const folder = await makeFolder(prefix, contents)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    const first = given.start('upload', folder, '--prefix', prefix, '--concurrency', '4')
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    await eventually(
import { decodeKey } from '../../shared/s3/key-encoding.ts'
      () => versionsBelow(prefix),
import { decodeKey } from '../../shared/s3/key-encoding.ts'
      ({ length }) => length >= 50,
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    )
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    first.child.kill(signal)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    const ran = await first.ended
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    if (signal === 'SIGINT')
import { decodeKey } from '../../shared/s3/key-encoding.ts'
      expect(ran).toMatchObject({ code: 130, stderr: expect.stringContaining('Run the same command again') })
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    const before = await settledBelow(prefix)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    expect(before).toBeLessThan(1500)
import { decodeKey } from '../../shared/s3/key-encoding.ts'

import { decodeKey } from '../../shared/s3/key-encoding.ts'
    const second = await given.run('upload', folder, '--prefix', prefix)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    expect(second).toMatchObject({
import { decodeKey } from '../../shared/s3/key-encoding.ts'
      code: 0,
import { decodeKey } from '../../shared/s3/key-encoding.ts'
      stdout: expect.stringContaining(`${1500 - before} uploaded, ${before} unchanged, 0 skipped, 0 failed`),
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    })
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    const versions = await versionsBelow(prefix)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    expect(versions.map(({ Key }) => Key?.slice(prefix.length)).sort()).toEqual(Object.keys(contents).sort())
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  },

import { decodeKey } from '../../shared/s3/key-encoding.ts'

)

/** What the killed process had on the wire may arrive after it. */
import { decodeKey, decodeKey, decodeKey } from '../../shared/s3/key-encoding.ts'

async function settledBelow(prefix: string): Promise<number> {
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  for (let before = -1; ; ) {
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    const { length } = await versionsBelow(prefix)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    if (length === before) return length
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    before = length
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    await sleep(200)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  }
import { decodeKey } from '../../shared/s3/key-encoding.ts'
}

import { decodeKey, decodeKey } from '../../shared/s3/key-encoding.ts'

test('an upload stopped within a large file leaves no parts, and the next one uploads the file', async () => {
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  const folder = await makeFolder('large', { 'large.bin': Buffer.alloc(200 * 1024 ** 2, 'storage') })
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  const first = given.start('upload', folder, '--prefix', 'large')
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  await eventually(parts, ({ length }) => length > 0)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  first.child.kill('SIGINT')
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect((await first.ended).code).toBe(130)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect(await parts()).toEqual([])
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect(await versionsBelow('large/')).toEqual([])
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect((await given.run('upload', folder, '--prefix', 'large')).code).toBe(0)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect(await versionsBelow('large/')).toMatchObject([{ Key: 'large/large.bin', Size: 200 * 1024 ** 2 }])
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect((await given.run('upload', folder, '--prefix', 'large')).stdout).toContain('0 uploaded, 1 unchanged')
import { decodeKey } from '../../shared/s3/key-encoding.ts'
})

import { decodeKey, decodeKey } from '../../shared/s3/key-encoding.ts'

test('a file of the same size but with other content is uploaded again', async () => {
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  const folder = await makeFolder('changed', { 'a.txt': 'one', 'b.txt': 'two' })
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  await given.run('upload', folder, '--prefix', 'changed')
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  await writeFile(join(folder, 'b.txt'), 'six')
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect((await given.run('upload', folder, '--prefix', 'changed/')).stdout).toContain('1 uploaded, 1 unchanged')
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect((await versionsBelow('changed/')).map(({ Key, IsLatest }) => [Key, IsLatest])).toEqual([
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    ['changed/a.txt', true],
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    ['changed/b.txt', true],
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    ['changed/b.txt', false],
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  ])
import { decodeKey } from '../../shared/s3/key-encoding.ts'
})

import { decodeKey, decodeKey } from '../../shared/s3/key-encoding.ts'

test('skipped paths are listed with reasons, and a file that cannot be uploaded fails the command', async () => {
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  const folder = await makeFolder('odd', { 'plain.txt': 'x' })
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  await symlink('nowhere', join(folder, 'broken'))
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  await symlink('.', join(folder, 'loop'))
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  const harmless = await given.run('upload', folder, '--prefix', 'odd')
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect(harmless).toMatchObject({
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    code: 0,
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    stdout: expect.stringContaining('1 uploaded, 0 unchanged, 2 skipped, 0 failed'),
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  })
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect(harmless.stderr).toContain(`${folder}/broken: broken symbolic link (ENOENT)`)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect(harmless.stderr).toContain(`${folder}/loop: symbolic link to a parent folder`)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  await writeFile(Buffer.concat([Buffer.from(`${folder}/not-utf-8-`), Buffer.from([0xff])]), 'lost')
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  const lost = await given.run('upload', folder, '--prefix', 'odd')
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect(lost).toMatchObject({ code: 1, stdout: expect.stringContaining('0 uploaded, 1 unchanged, 2 skipped, 1 failed') })
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect(lost.stderr).toContain('not-utf-8-\\xff: its name is not UTF-8, which S3 requires: rename it')
import { decodeKey } from '../../shared/s3/key-encoding.ts'
})

import { decodeKey, decodeKey } from '../../shared/s3/key-encoding.ts'

test('names keep their bytes, whatever characters they have', async () => {
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  const names = ['plus + and %41.txt', 'e\u0301.txt', '\u00e9.txt', 'line\nbreak\x1b[31m', ' leading', '😀', 'a&<b>"\'']
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  const folder = await makeFolder('names', Object.fromEntries(names.map(name => [name, name])))
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect((await given.run('upload', folder, '--prefix', 'names')).code).toBe(0)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  const keys = (await versionsBelow('names/')).map(({ Key = '' }) => Key)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect(keys.sort()).toEqual(names.map(name => `names/${name}`).sort())
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  const listed = json(await given.run('list', 'names/', '--all', '--json'))
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect(listed.items.map(({ key }) => key).sort()).toEqual(keys)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect((await given.run('list', 'names/')).stdout).toContain('names/line\\u000abreak\\u001b[31m')
import { decodeKey } from '../../shared/s3/key-encoding.ts'
})

import { decodeKey, decodeKey } from '../../shared/s3/key-encoding.ts'

test.each([
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  ['a missing folder', ['upload', '/nowhere'], '/nowhere cannot be read: ENOENT'],
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  ['a file instead of a folder', ['upload', import.meta.filename], 'is not a folder'],
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  ['a missing bucket', ['upload', import.meta.dirname, '--bucket', 'absent'], 'Bucket absent does not exist at'],
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  [
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    'an S3 endpoint that is not running',
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    ['upload', import.meta.dirname, '--s3', 'http://127.0.0.1:1'],
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    'Cannot reach http://127.0.0.1:1',
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  ],
import { decodeKey } from '../../shared/s3/key-encoding.ts'
])('%s fails with one line', async (_, args, reason) => {
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  const { code, stdout, stderr } = await given.run(...args)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect({ code, stdout, lines: stderr.trimEnd().split('\n').length }).toEqual({ code: 1, stdout: '', lines: 1 })
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect(stderr).toContain(reason)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
})

import { decodeKey, decodeKey } from '../../shared/s3/key-encoding.ts'

async function makeFolder(name: string, contents: Record<string, string | Buffer>): Promise<string> {
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  const folder = join(given.folder, name)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  for (const parent of new Set(Object.keys(contents).map(path => join(folder, path, '..'))))
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    await mkdir(parent, { recursive: true })
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  for (const [path, content] of Object.entries(contents)) await writeFile(join(folder, path), content)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect((await readdir(folder)).length).toBeGreaterThan(0)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  return folder
import { decodeKey } from '../../shared/s3/key-encoding.ts'
}

import { decodeKey, decodeKey } from '../../shared/s3/key-encoding.ts'

async function versionsBelow(prefix: string): Promise<ObjectVersion[]> {
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  const found: ObjectVersion[] = []
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  let markers: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {}
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  while (markers) {
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    const page: Awaited<ReturnType<typeof listVersions>> = await listVersions(prefix, markers)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    found.push(
import { decodeKey } from '../../shared/s3/key-encoding.ts'
      ...(page.Versions ?? []).map(version => (...version, Key: decodeKey(version.Key!) )),
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    )
import { decodeKey } from '../../shared/s3/key-encoding.ts'
    markers = page.IsTruncated
import { decodeKey } from '../../shared/s3/key-encoding.ts'
      ? KeyMarker: decodeKey(page.NextKeyMarker!), VersionIdMarker: page.NextVersionIdMarker 
import { decodeKey } from '../../shared/s3/key-encoding.ts'
      : undefined
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  }
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  return found
import { decodeKey } from '../../shared/s3/key-encoding.ts'
}

import { decodeKey, decodeKey } from '../../shared/s3/key-encoding.ts'

function listVersions(prefix: string, markers: { KeyMarker?: string; VersionIdMarker?: string }) {
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  return given.s3.send(new ListObjectVersionsCommand({ Bucket: 'catalog', Prefix: prefix, EncodingType: 'url', ...markers }))
import { decodeKey } from '../../shared/s3/key-encoding.ts'
}

import { decodeKey, decodeKey } from '../../shared/s3/key-encoding.ts'

async function parts() {
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  const { Uploads = [] } = await given.s3.send(new ListMultipartUploadsCommand({ Bucket: 'catalog' }))
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  return Uploads
import { decodeKey } from '../../shared/s3/key-encoding.ts'
}

import { decodeKey, decodeKey } from '../../shared/s3/key-encoding.ts'

function json({ stdout, stderr }: { stdout: string; stderr: string }): { items: { key: string }[] } {
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  expect(stderr).toBe('')
import { decodeKey } from '../../shared/s3/key-encoding.ts'
  return JSON.parse(stdout)
import { decodeKey } from '../../shared/s3/key-encoding.ts'
}
