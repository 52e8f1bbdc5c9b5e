import { describe, expect } from 'vitest'
import { presignDownload } from '../../functions/http/presign.ts'
import { lazyS3 } from '../../functions/runtime/lazy-s3.ts'
import { recordVersion } from '../../shared/catalog/versions.ts'
import { headVersion } from '../../shared/s3/head-version.ts'
import { fetchLatestVersion } from '../../shared/s3/key-versions.ts'
import { databaseTest } from '../support/postgres/database.ts'
import { makeBucket, type TestS3, testClient, testS3 } from '../support/s3/bucket.ts'
import { type Ask, testApi } from './api-client.ts'

const test = databaseTest.extend<{ bucket: TestS3; ask: Ask }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures a fixture needs
  bucket: async ({}, use) => {
    await using bucket = await testS3()
    await makeBucket(bucket.s3, 'archive', 'Enabled')
    await use(bucket)
  },
  ask: async ({ sql, bucket }, use) => {
    const credentials = { accessKeyId: 'catalog', secretAccessKey: 'catalog-secret' }
    const s3 = lazyS3({ endpoint: bucket.server.url, region: 'us-east-1', forcePathStyle: true, credentials })
    const api = await testApi(sql, { s3 })
    await use(api.ask)
    await api.close()
  },
})

type Upload = { url: string; method: string; headers: Record<string, string>; expiresAt: string }

async function presign(ask: Ask, body: Record<string, unknown>): Promise<Upload> {
  const { status, json } = await ask('POST', '/uploads', { body })
  expect(status).toBe(201)
  return json as Upload
}

/** The time that a URL was signed at, which S3 counts from. */
function signedAt(url: string): number {
  const date = new URL(url).searchParams.get('X-Amz-Date') ?? ''
  return Date.parse(date.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/, '$1-$2-$3:$4:$5'))
}

async function upload(ask: Ask, text: string, body: Record<string, unknown>): Promise<Response> {
  const { url, method, headers } = await presign(ask, body)
  return fetch(url, { method, headers, body: text })
}

test('a presigned upload takes the bytes, content type and metadata it was signed for, and is audited', async ({
  ask,
  bucket,
}) => {
  const answer = await presign(ask, {
    key: 'a//b +é.pdf',
    contentType: 'application/pdf',
    metadata: { Department: 'finance' },
    expiresIn: 60,
  })
  expect(answer).toEqual({
    url: expect.stringContaining('X-Amz-Signature='),
    method: 'PUT',
    headers: { 'content-type': 'application/pdf', 'x-amz-meta-department': 'finance' },
    expiresAt: expect.stringMatching(/Z$/),
  })
  expect(Date.parse(answer.expiresAt)).toBe(signedAt(answer.url) + 60_000)
  const put = await fetch(answer.url, { method: 'PUT', headers: answer.headers, body: 'bytes' })
  expect(put.status).toBe(200)
  const [notification] = bucket.events
  expect(notification).toContain('ObjectCreated:Put')
  const { items } = await ask('GET', '/audit', { query: { action: 'UPLOAD_URL' } })
  expect(items).toMatchObject([
    { userId: 'ann', key: 'a//b +é.pdf', metadata: { contentType: 'application/pdf', metadata: { Department: 'finance' } } },
  ])
})

test('what was not signed is not taken', async ({ ask }) => {
  const { url } = await presign(ask, { key: 'k', contentType: 'text/plain', metadata: { a: '1' } })
  const attempt = (headers: Record<string, string>) => fetch(url, { method: 'PUT', headers, body: 'x' })
  expect((await attempt({ 'content-type': 'text/html', 'x-amz-meta-a': '1' })).status).toBe(403)
  expect((await attempt({ 'content-type': 'text/plain', 'x-amz-meta-a': '2' })).status).toBe(403)
  expect((await attempt({ 'content-type': 'text/plain' })).status).toBe(403)
})

test('a download returns a URL to the bytes, or redirects there, and audits who got which version', async ({ ask, sql }) => {
  const first = await upload(ask, 'one', { key: 'k', contentType: 'text/plain' })
  const second = await upload(ask, 'two', { key: 'k', contentType: 'text/plain' })
  const [v1, v2] = [first, second].map(response => response.headers.get('x-amz-version-id') ?? '')
  for (const versionId of [v1, v2])
    await recordVersion(sql, { bucket: 'archive', key: 'k', versionId: String(versionId), size: 3 })

  const latest = await ask('GET', '/download', { query: { key: 'k' }, headers: { 'user-agent': 'tester/2' } })
  expect(latest).toMatchObject({ status: 200, json: { url: expect.any(String), expiresAt: expect.any(String) } })
  expect(await (await fetch((latest.json as Upload).url)).text()).toBe('two')
  const old = await ask('GET', '/download', { query: { key: 'k', versionId: String(v1), redirect: 'true' } })
  expect([old.status, old.text]).toEqual([302, ''])
  expect(await (await fetch(old.headers.get('location') ?? '')).text()).toBe('one')

  const { items } = await ask('GET', '/audit', { query: { key: 'k', action: 'DOWNLOAD' } })
  expect(items).toMatchObject([
    { versionId: v1, userId: 'ann', ipAddress: '127.0.0.1', success: true },
    { versionId: v2, userId: 'ann', userAgent: 'tester/2', success: true },
  ])
})

test('what is not there, is a delete marker or is not in S3 cannot be downloaded', async ({ ask }) => {
  await ask('POST', '/versions', { body: { key: 'deleted', storageBackend: 'local', versionId: 'm', isDeleteMarker: true } })
  await ask('PUT', '/object', { query: { key: 'elsewhere' }, body: { size: 1, storageBackend: 'local' } })
  const codes = await Promise.all(
    [
      { key: 'never' },
      { key: 'deleted' },
      { key: 'deleted', versionId: 'm' },
      { key: 'elsewhere', versionId: 'x' },
      { key: 'elsewhere' },
    ].map(async query => (await ask('GET', '/download', { query })).error.code),
  )
  expect(codes).toEqual(['NotFound', 'NotFound', 'NotFound', 'NotFound', 'Conflict'])
})

test('a URL was signed for a bucket that does not exist', async ({ ask, sql }) => {
  const upload = await ask('POST', '/uploads', { body: { bucket: 'no-such-bucket', key: 'k' } })
  expect([upload.status, upload.error.message]).toEqual([404, 'No bucket no-such-bucket'])
  await recordVersion(sql, { bucket: 'no-such-bucket', key: 'k', versionId: 'v1', size: 1 })
  const download = await ask('GET', '/download', { query: { bucket: 'no-such-bucket', key: 'k' } })
  expect([download.status, download.error.message]).toEqual([404, 'No bucket no-such-bucket'])
  expect((await ask('GET', '/audit')).items).toEqual([])
})

describe('expiresAt promised more than the credentials hold', () => {
  const at = (seconds: number) => new Date(Date.now() + seconds * 1000)
  test.for([
    ['a session that ends in five minutes', { sessionToken: 't', expiration: at(300) }, 300],
    ['a session whose end nobody knows', { sessionToken: 't' }, 900],
    ['a session that ends later', { sessionToken: 't', expiration: at(7200) }, 3600],
    ['an access key', {}, 3600],
  ] as const)('%s', async ([, session, seconds], { bucket }) => {
    const credentials = { accessKeyId: 'tester', secretAccessKey: 'secret' }
    // The stand-in knows no sessions: its own client asks for the bucket, and the session signs.
    const s3 = testClient(bucket.server.url, credentials)
    const signer = Object.assign(s3, { config: { ...s3.config, credentials: async () => ({ ...credentials, ...session }) } })
    const { expiresAt } = await presignDownload(signer, { bucket: 'archive', key: 'k', expiresIn: 3600 })
    expect(Math.abs(expiresAt.getTime() - Date.now() - seconds * 1000)).toBeLessThan(10_000)
    s3.destroy()
  })
})

test('metadata that S3 would refuse is refused before', async ({ ask }) => {
  const refuse = async (body: Record<string, unknown>) =>
    (await ask('POST', '/uploads', { body: { key: 'k', ...body } })).error.message
  expect(await refuse({ metadata: { a: 'x'.repeat(1024), b: 'x'.repeat(1023) } })).toBe('metadata must be at most 2 KB')
  expect(await refuse({ metadata: { 'a b': 'x' } })).toBe('metadata.a b must have names of letters, digits, _, . and -')
  expect(await refuse({ metadata: { a: 'x\r\ny: z' } })).toBe('metadata.a must be visible ASCII, at most 1024')
  expect(await refuse({ expiresIn: 604_801 })).toBe('expiresIn must be at most 604800')
  expect((await ask('POST', '/uploads', { body: { key: 'k', expiresIn: 604_800 } })).status).toBe(201)
})

test('an upload keeps metadata named __proto__, constructor and prototype', async ({ ask, bucket }) => {
  const metadata = JSON.parse('{"__proto__":"a","constructor":"b","prototype":"c"}')
  expect((await upload(ask, 'x', { key: 'k', metadata })).status).toBe(200)
  const found = await headVersion(bucket.s3, { bucket: 'archive', key: 'k', versionId: await latestVersion(bucket) })
  expect(JSON.stringify(found.metadata)).toBe(JSON.stringify(metadata))
})

async function latestVersion({ s3 }: TestS3): Promise<string> {
  return (await fetchLatestVersion(s3, { bucket: 'archive', key: 'k' }))?.versionId ?? ''
}
