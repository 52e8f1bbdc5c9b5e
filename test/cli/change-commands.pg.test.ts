import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  ListObjectVersionsCommand,
  PutObjectTaggingCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { copyVersion } from '../../cli/objects/copy-version.ts'
import { eventually, putObject, startCommand, type TestCatalog, testCatalog } from './catalog.ts'

let given: TestCatalog

beforeAll(async () => {
  given = await testCatalog()
})

afterAll(() => given?.[Symbol.asyncDispose]())

test('rm deletes an object in the bucket and in the catalog, and undelete brings it back', async () => {
  const first = await put('letters/a b+c%.txt', 'x')
  expect(await given.run('rm', 'letters/a b+c%.txt')).toEqual({
    code: 0,
    stdout: "1 object deleted.\nNext: npx catalog undelete 'letters/a b+c%.txt'\n",
    stderr: '',
  })
  expect(await latestOf('letters/a b+c%.txt')).toMatchObject({ isDeleteMarker: true })
  await given.s3.send(new DeleteObjectCommand({ Bucket: 'catalog', Key: 'letters/a b+c%.txt' }))
  expect((await given.run('undelete', 'letters/a b+c%.txt')).stdout).toMatch(/^1 object undeleted\.\nNext: npx catalog versions /)
  expect(await latestOf('letters/a b+c%.txt')).toEqual({ versionId: first, isDeleteMarker: false })
  expect(await given.run('undelete', 'letters/a b+c%.txt')).toMatchObject({ code: 0, stdout: '0 objects undeleted.\n' })
  expect(await given.run('undelete', 'letters/absent')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Look for it with'),
  })
  expect(await given.run('rm', 'letters/absent')).toMatchObject({ code: 1, stderr: expect.stringMatching(/^catalog: .+\n$/) })
})

test('rm --recursive deletes what has a prefix, and undelete --since brings back only what was deleted since', async () => {
  for (const key of ['many/1', 'many/2', 'many/3', 'manyx']) await put(key, 'x')
  expect((await given.run('rm', 'many/3')).code).toBe(0)
  expect((await given.run('rm', '--recursive', 'many/', '--dry-run')).stdout).toBe(
    'many/1\nmany/2\n2 objects would be deleted.\n',
  )
  expect((await given.run('rm', '--recursive', 'many/')).stdout).toContain('2 objects deleted.')
  expect(await keysIn('many')).toEqual(['manyx'])
  expect((await given.run('undelete', '--recursive', 'many/', '--since', '2100-01-01')).stdout).toContain('0 objects undeleted.')
  expect((await given.run('undelete', '--recursive', 'many/')).stdout).toContain('3 objects undeleted.')
  expect(await keysIn('many')).toEqual(['many/1', 'many/2', 'many/3', 'manyx'])
  expect(await given.run('rm', '--recursive', 'nothing/')).toMatchObject({
    code: 1,
    stderr: 'catalog: No key begins with nothing/\n',
  })
})

test('undelete of a key with only delete markers did nothing and succeeded', async () => {
  const version = await put('gone/file', 'x')
  await given.run('rm', 'gone/file')
  await given.run('rm', 'gone/file', '--version-id', version, '--yes')
  expect(await given.run('undelete', 'gone/file')).toEqual({
    code: 1,
    stdout: '0 objects undeleted.\n',
    stderr: 'gone/file cannot be undeleted: no version is left, only delete markers\ncatalog: 1 object cannot be undeleted\n',
  })
  expect(await given.run('undelete', '--recursive', 'gone/')).toEqual({
    code: 0,
    stdout: '0 objects undeleted.\n',
    stderr: '1 key cannot be undeleted: no version is left, only delete markers\n',
  })
})

test('rm --version-id deletes one version for good, after a confirmation', async () => {
  const [first, second] = [await put('secret.txt', 'one'), await put('secret.txt', 'two')]
  expect(await given.run('rm', 'secret.txt', '--version-id', second)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('add --yes to confirm'),
  })
  expect((await given.run('rm', 'secret.txt', '--version-id', second, '--yes')).code).toBe(0)
  expect(await latestOf('secret.txt')).toEqual({ versionId: first, isDeleteMarker: false })
  expect((await given.run('rm', 'secret.txt', '--version-id', 'no')).stderr).toContain(
    'has no version no. List its versions with',
  )
})

test('restore makes an old version the latest, with its content type, metadata and tags', async () => {
  const Key = 'contract ä.txt'
  const old = await put(Key, 'old', { ContentType: 'text/old', Metadata: { a: '1' }, Tagging: 'status=signed' })
  const newer = await put(Key, 'new')
  const { code, stdout } = await given.run('restore', Key, old)
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(`Version ${old} of ${Key} is the latest again`) })
  const { versionId } = await latestOf(Key)
  expect([old, newer]).not.toContain(versionId)
  const got = await given.s3.send(new GetObjectCommand({ Bucket: 'catalog', Key }))
  expect([await got.Body?.transformToString(), got.ContentType, got.Metadata]).toEqual(['old', 'text/old', { a: '1' }])
  expect((await given.run('tag', Key, '--json')).stdout).toBe('{\n  "status": "signed"\n}\n')
  expect((await given.run('restore', Key, versionId)).stdout).toContain('is the latest already')
  await given.run('rm', Key)
  const { versionId: marker } = await latestOf(Key)
  expect((await given.run('restore', Key, marker)).stderr).toContain('is a delete marker. Delete the key with')
})

test('a version that is too large for one copy is copied in parts, with all that belongs to it', async () => {
  const body = Buffer.alloc(11 * 1024 ** 2, 'storage')
  const old = await put('large.bin', body, { ContentType: 'text/old', Metadata: { a: '1' }, Tagging: 'b=2' })
  await put('large.bin', 'new')
  const bucket = { s3: given.s3, name: 'catalog', address: '' }
  const copy = await copyVersion(bucket, 'large.bin', old, { whole: 1024, part: 5 * 1024 ** 2 })
  const got = await given.s3.send(new GetObjectCommand({ Bucket: 'catalog', Key: 'large.bin', VersionId: copy }))
  expect(body.equals(Buffer.from((await got.Body?.transformToByteArray()) ?? []))).toBe(true)
  expect([got.ContentType, got.Metadata, got.ETag]).toEqual(['text/old', { a: '1' }, expect.stringMatching(/-3"$/)])
  const { TagSet } = await given.s3.send(new GetObjectTaggingCommand({ Bucket: 'catalog', Key: 'large.bin' }))
  expect(TagSet).toEqual([{ Key: 'b', Value: '2' }])
})

test('tag shows, sets, removes and clears tags in the bucket and in the catalog', async () => {
  const first = await put('tagged.txt', 'x')
  const TagSet = [{ Key: 'kept', Value: '1' }]
  await given.s3.send(new PutObjectTaggingCommand({ Bucket: 'catalog', Key: 'tagged.txt', Tagging: { TagSet } }))
  await eventually(
    () => given.run('tag', 'tagged.txt'),
    ({ stdout }) => stdout.includes('kept'),
  )
  expect((await given.run('tag', 'tagged.txt', 'status=a=b', 'year=2026')).stdout).toMatch(/^status +a=b$/m)
  expect(await tagsInS3('tagged.txt')).toEqual({ kept: '1', status: 'a=b', year: '2026' })
  await given.run('tag', 'tagged.txt', '--remove', 'year', '--remove', 'kept', '--version-id', first)
  expect(await tagsInS3('tagged.txt')).toEqual({ status: 'a=b' })
  expect((await given.run('tag', 'tagged.txt', '--clear')).stdout).toMatch(/^No tags\.\n/)
  expect(await tagsInS3('tagged.txt')).toEqual({})
  expect(await given.run('tag', 'tagged.txt', 'status')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Must be name=value.'),
  })
  expect(await given.run('tag', 'tagged.txt', '--remove', 'no')).toMatchObject({
    code: 1,
    stderr: 'catalog: tagged.txt has no tag no\n',
  })
})

test('comment shows, sets and clears the comment of a version', async () => {
  await put('commented.txt', 'x')
  expect((await given.run('comment', 'commented.txt')).stdout).toBe('No comment.\n')
  expect((await given.run('comment', 'commented.txt', 'as', 'signed')).stdout).toMatch(/^as signed\nNext: /)
  expect((await given.run('comment', 'commented.txt')).stdout).toBe('as signed\n')
  expect((await given.run('comment', 'commented.txt', '--clear')).stdout).toMatch(/^No comment\.\n/)
  expect(await given.run('comment', 'absent.txt', 'x')).toMatchObject({
    code: 1,
    stderr: 'catalog: absent.txt is not in the catalog. Find it with: npx catalog search <words of its name>\n',
  })
})

test('open prints a link that works without credentials, and nothing else on standard output', async () => {
  const first = await put('opened.txt', 'one')
  await put('opened.txt', 'two')
  const { stdout, stderr } = await given.run('open', 'opened.txt', '--expires', '2h')
  expect(await (await fetch(stdout.trim())).text()).toBe('two')
  expect(stderr).toMatch(/^Valid until \d{4}-/)
  const { stdout: old } = await given.run('open', 'opened.txt', '--version-id', first)
  expect(await (await fetch(old.trim())).text()).toBe('one')
  expect(await given.run('open', 'opened.txt', '--expires', '8d')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('at most a week'),
  })
})

test.skipIf(process.platform === 'win32')('open --browser starts the program that BROWSER names with the link', async () => {
  await put('shown.txt', 'x')
  const [program, opened] = [join(given.folder, 'browser'), join(given.folder, 'opened')]
  await writeFile(program, `#!/bin/sh\nprintf %s "$1" > '${opened}.new' && mv '${opened}.new' '${opened}'\n`, { mode: 0o755 })
  const env = { CATALOG_DATA: join(given.folder, 'data'), BROWSER: program }
  const { stdout } = await startCommand(['open', 'shown.txt', '--browser'], env).ended
  const link = await eventually(
    () => readFile(opened, 'utf8').catch(() => ''),
    text => text !== '',
  )
  expect(link).toBe(stdout.trim())
  const missing = await startCommand(['open', 'shown.txt', '--browser'], { ...env, BROWSER: '/nowhere/browser' }).ended
  expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be started: open the link yourself') })
})

const put = (key: string, body: string | Buffer, rest?: object) => putObject(given, key, body, rest)

async function latestOf(key: string): Promise<{ versionId: string; isDeleteMarker: boolean }> {
  const response = await fetch(`${given.catalog.apiUrl}/versions?bucket=catalog&limit=1&key=${encodeURIComponent(key)}`)
  const { items } = (await response.json()) as { items: { versionId: string; isDeleteMarker: boolean }[] }
  const [latest] = items.map(({ versionId, isDeleteMarker }) => ({ versionId, isDeleteMarker }))
  return latest!
}

async function keysIn(Prefix: string): Promise<string[]> {
  const { Versions = [] } = await given.s3.send(new ListObjectVersionsCommand({ Bucket: 'catalog', Prefix }))
  return Versions.filter(({ IsLatest }) => IsLatest).map(({ Key = '' }) => Key)
}

async function tagsInS3(Key: string): Promise<Record<string, string>> {
  const { TagSet = [] } = await given.s3.send(new GetObjectTaggingCommand({ Bucket: 'catalog', Key }))
  return Object.fromEntries(TagSet.map(({ Key = '', Value = '' }) => [Key, Value]))
}
