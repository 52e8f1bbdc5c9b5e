import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Upload } from '@aws-sdk/lib-storage'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { fetchFile } from '../../cli/download/fetch-file.ts'
import type { Source } from '../../cli/download/request-version.ts'
import { type ProxiedResponse, startS3Proxy } from '../support/s3/s3-proxy.ts'
import { eventually, putObject, type TestCatalog, testCatalog } from './catalog.ts'

const MIB = 1024 ** 2

let given: TestCatalog

beforeAll(async () => {
  given = await testCatalog()
})

afterAll(() => given?.[Symbol.asyncDispose]())

test('a file with the size of an object in parts but with other content was taken for it, even with --overwrite', async () => {
  const { file, content } = await downloadParts('parts.bin', 8)
  expect(await given.run('download', 'parts.bin', file)).toEqual({
    code: 0,
    stdout: `${file}: 9.0 MiB is there already\n`,
    stderr: '',
  })
  await writeFile(file, Buffer.alloc(content.length))
  expect(await given.run('download', 'parts.bin', file)).toEqual({
    code: 0,
    stdout: `${file}: 9.0 MiB ${NOT_COMPARED}\n`,
    stderr: '',
  })
  const { code, stdout } = await given.run('download', 'parts.bin', file, '--overwrite')
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${file}: 9.0 MiB downloaded\n` })
  expect(content.equals(await readFile(file))).toBe(true)
})

test('an object in parts of an unusual size is kept by a second run, which says that it is not compared', async () => {
  const { file } = await downloadParts('odd/parts.bin', 7)
  expect(await given.run('download', 'odd/', join(file, '..'))).toEqual({
    code: 0,
    stdout: expect.stringContaining('0 unchanged, 1 not compared, 0 failed'),
    stderr:
      'Kept. The ETags do not tell whether the content is the same; --overwrite downloads these files again:\n  odd/parts.bin\n',
  })
})

test('a second run failed for every file that is encrypted with KMS', async () => {
  await putObject(given, 'kms/file.txt', 'secret')
  const md5 = (await sourceOf('kms/file.txt')).etag ?? ''
  const noMd5 = md5.replaceAll(/[0-9a-f]/g, digit => (15 - Number.parseInt(digit, 16)).toString(16))
  const encrypt = ({ headers }: ProxiedResponse) => {
    headers.set('etag', `"${noMd5}"`)
    headers.set('x-amz-server-side-encryption', 'aws:kms')
  }
  const s3 = await startS3Proxy(given.catalog.s3Url, { response: (_, response) => encrypt(response) })
  onTestFinished(() => s3[Symbol.asyncDispose]())
  const api = await apiBefore(s3.url, text => text.replaceAll(md5, noMd5))
  const folder = await makeFolder('kms')
  const run = (...flags: string[]) => given.run('download', 'kms/', folder, '--api', api, ...flags)
  expect(await run()).toMatchObject({ code: 0, stdout: expect.stringMatching(/^1 file, /) })
  expect(await run()).toMatchObject({ code: 0, stdout: expect.stringContaining('0 unchanged, 1 not compared, 0 failed') })
  await writeFile(join(folder, 'file.txt'), 'change')
  expect(await run('--overwrite')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^1 file, /) })
  expect(await readFile(join(folder, 'file.txt'), 'utf8')).toBe('secret')
  await writeFile(join(folder, 'file.txt'), 'longer than that')
  expect(await run()).toMatchObject({ code: 1, stderr: expect.stringContaining('another file is there') })
})

test.each([true, false])('a download was continued with the bytes of another content (If-Match known: %s)', async isKnown => {
  const content = randomBytes(2 * MIB)
  await putObject(given, 'replaced.bin', content)
  const source = { ...(await sourceOf('replaced.bin')), etag: '0123456789abcdef0123456789abcdef-2' }
  let isReplaced = false
  const s3 = await startS3Proxy(given.catalog.s3Url, {
    request({ headers }) {
      if (isReplaced && isKnown && headers['if-match'] !== undefined) return errorOf(412, 'PreconditionFailed')
      delete headers['if-match']
      return undefined
    },
    response: (_, { headers }) => headers.set('etag', isReplaced ? '"other"' : `"${source.etag}"`),
  })
  onTestFinished(() => s3[Symbol.asyncDispose]())
  const target = { apiUrl: await apiBefore(s3.url), region: 'us-east-1' }
  const folder = await makeFolder(`replaced-${isKnown}`)
  const stop = new AbortController()
  const onBytes = (bytes: number) => bytes > MIB && stop.abort()
  const interrupted = fetchFile(target, source, join(folder, 'a'), { overwrite: false, signal: stop.signal, onBytes })
  await expect(interrupted).rejects.toThrow()
  expect(await readdir(folder)).toHaveLength(1)
  isReplaced = true
  await expect(fetchFile(target, source, join(folder, 'a'), plain())).rejects.toThrow('its content is not that of the version')
  expect(await readdir(folder)).toEqual([])
})

test('a download failed when S3 asked to slow down', async () => {
  await putObject(given, 'slow.txt', 'content')
  const answers = [errorOf(503, 'SlowDown'), errorOf(500, 'InternalError')]
  const s3 = await startS3Proxy(given.catalog.s3Url, { request: () => answers.shift() })
  onTestFinished(() => s3[Symbol.asyncDispose]())
  const target = { apiUrl: await apiBefore(s3.url), region: 'us-east-1' }
  const file = join(await makeFolder('slow'), 'slow.txt')
  await fetchFile(target, await sourceOf('slow.txt'), file, plain(), LIMITS)
  expect([answers, await readFile(file, 'utf8')]).toEqual([[], 'content'])
  answers.push(...Array.from({ length: 4 }, () => errorOf(503, 'SlowDown')))
  const failing = fetchFile(target, await sourceOf('slow.txt'), `${file}.2`, plain(), LIMITS)
  await expect(failing).rejects.toThrow('S3 returned SlowDown')
})

test('a download waited for ever when S3 went silent', async () => {
  const content = randomBytes(2 * MIB)
  await putObject(given, 'silent.bin', content)
  const ranges: (string | undefined)[] = []
  const s3 = await listen(({ headers: { range } }, response) => {
    const count = ranges.push(range)
    if (count === 1) return
    const from = Number(/\d+/.exec(range ?? '')?.[0] ?? 0)
    response.writeHead(range ? 206 : 200, { 'content-length': content.length - from })
    if (count === 2) response.write(content.subarray(0, MIB))
    else response.end(content.subarray(from))
  })
  const target = { apiUrl: await apiBefore(s3), region: 'us-east-1' }
  const file = join(await makeFolder('silent'), 'silent.bin')
  await fetchFile(target, await sourceOf('silent.bin'), file, plain(), { ...LIMITS, silenceMs: 500 })
  expect(content.equals(await readFile(file))).toBe(true)
  expect(ranges).toEqual([undefined, undefined, `bytes=${MIB}-`])
})

const NOT_COMPARED = 'is there already. The ETag does not tell whether the content is the same: --overwrite downloads it again'

const LIMITS = { attempts: 4, pauseMs: 1, silenceMs: 20_000 }

function plain() {
  return { overwrite: false, signal: new AbortController().signal, onBytes: () => undefined }
}

function errorOf(status: number, code: string): ProxiedResponse {
  return { status, headers: new Headers(), body: Buffer.from(`<Error><Code>${code}</Code></Error>`) }
}

/** Uploads 9 MiB in parts of this many MiB and downloads them. */
async function downloadParts(Key: string, mib: number): Promise<{ file: string; content: Buffer }> {
  const content = randomBytes(9 * MIB)
  await new Upload({ client: given.s3, params: { Bucket: 'catalog', Key, Body: content }, partSize: mib * MIB }).done()
  await eventually(
    () => sourceOf(Key).catch(() => undefined),
    source => source !== undefined,
  )
  const file = join(await makeFolder(`parts-${mib}`), 'parts.bin')
  expect((await given.run('download', Key, file)).code).toBe(0)
  return { file, content }
}

async function sourceOf(key: string): Promise<Source> {
  const response = await fetch(`${given.catalog.apiUrl}/object?key=${encodeURIComponent(key)}`)
  if (!response.ok) throw new Error(`${key}: ${response.status}`)
  const { versionId, size, etag } = (await response.json()) as Source
  return { key, versionId, size, etag }
}

/** The API with the links of its downloads pointing to another S3, and with `change` made to each response. */
async function apiBefore(s3Url: string, change = (text: string) => text): Promise<string> {
  const proxy = await startS3Proxy(given.catalog.apiUrl, {
    response(_, response) {
      response.body = Buffer.from(change(response.body.toString()).replaceAll(given.catalog.s3Url, s3Url))
    },
  })
  onTestFinished(() => proxy[Symbol.asyncDispose]())
  return proxy.url
}

async function listen(handler: RequestListener): Promise<string> {
  const server = createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function makeFolder(name: string): Promise<string> {
  const folder = join(given.folder, name)
  await mkdir(folder, { recursive: true })
  return folder
}
