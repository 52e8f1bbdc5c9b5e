import { describe, expect } from 'vitest'
import { openApiDocument } from '../../functions/http/openapi.ts'
import { routes } from '../../shared/api/routes.ts'
import { type CursorValue, encodeCursor } from '../../shared/database/cursor.ts'
import { apiTest as test, testApi } from './api-client.ts'

const OBJECT = {
  bucket: 'archive',
  key: 'documents/invoice-2024-001.pdf',
  versionId: 'v1',
  size: 1024,
  contentType: 'application/pdf',
  etag: 'abc',
  lastModified: '2026-03-14T15:09:26.535Z',
  storageBackend: 'local',
  storageClass: 'STANDARD',
  metadata: { department: 'finance', pages: 3 },
  tags: { year: '2024' },
}
const { bucket: _, key, ...details } = OBJECT

test('a recorded object is returned, listed and found, until it is deleted', async ({ ask }) => {
  const stored = { ...OBJECT, createdAt: expect.stringMatching(/^\d{4}-.*Z$/) }
  expect(await ask('PUT', '/object', { query: { key }, body: details })).toMatchObject({ status: 200, json: stored })
  expect((await ask('GET', '/object', { query: { key } })).json).toEqual(stored)
  expect((await ask('GET', '/objects', { query: { prefix: 'documents/' } })).json).toEqual({
    items: [stored],
    prefixes: [],
    nextCursor: null,
  })
  const found = await ask('GET', '/search', { query: { q: 'invoice 2024' } })
  expect(found.json).toEqual({ items: [{ ...stored, rank: expect.any(Number) }], nextCursor: null })
  expect(await ask('DELETE', '/object', { query: { key } })).toMatchObject({ status: 204, text: '' })
  expect(await ask('GET', '/object', { query: { key } })).toMatchObject({ status: 404, json: { error: { code: 'NotFound' } } })
  expect((await ask('GET', '/search', { query: { q: 'invoice' } })).json).toEqual({ items: [], nextCursor: null })
})

test('folders are returned as prefixes', async ({ ask }) => {
  for (const key of ['a/1', 'a/2', 'b'])
    await ask('PUT', '/object', { query: { key }, body: { storageBackend: 'local', size: 1 } })
  const { json } = await ask('GET', '/objects', { query: { delimiter: '/' } })
  expect(json).toMatchObject({ prefixes: ['a/'], items: [{ key: 'b' }] })
})

test('a list is filtered by metadata that is given more than once', async ({ ask }) => {
  await ask('PUT', '/object', {
    query: { key: 'both' },
    body: { storageBackend: 'local', size: 1, metadata: { a: '1', b: 'x=y' } },
  })
  await ask('PUT', '/object', { query: { key: 'one' }, body: { storageBackend: 'local', size: 1, metadata: { a: '1' } } })
  for (const path of ['/objects', '/search']) {
    const query = { ...(path === '/search' && { q: 'both or one' }), metadata: ['a=1', 'b=x=y'] }
    const { items } = await ask('GET', path, { query })
    expect(
      items.map(({ key }) => key),
      path,
    ).toEqual(['both'])
  }
})

test('versions are recorded, listed newest first, and annotated', async ({ ask }) => {
  const version = { key: 'k', storageBackend: 'local', size: 5, lastModified: '2026-01-01T00:00:00Z' }
  expect(await ask('POST', '/versions', { body: { ...version, versionId: 'v1' } })).toMatchObject({
    status: 201,
    json: { bucket: 'archive', key: 'k', versionId: 'v1' },
  })
  await ask('POST', '/versions', {
    body: { key: 'k', storageBackend: 'local', versionId: 'v2', isDeleteMarker: true, lastModified: '2026-01-02T00:00:00Z' },
  })
  const { items } = await ask('GET', '/versions', { query: { key: 'k' } })
  expect(items.map(v => [v.versionId, v.isLatest, v.isDeleteMarker, v.size])).toEqual([
    ['v2', true, true, null],
    ['v1', false, false, 5],
  ])
  const annotated = await ask('PATCH', '/version', {
    query: { key: 'k', versionId: 'v1' },
    body: { comment: 'signed', tags: { by: 'ann' } },
  })
  expect(annotated.json).toMatchObject({ versionId: 'v1', comment: 'signed', tags: { by: 'ann' } })
  const cleared = await ask('PATCH', '/version', { query: { key: 'k', versionId: 'v1' }, body: { comment: null } })
  expect(cleared.json).toMatchObject({ comment: null, tags: { by: 'ann' } })
  expect((await ask('PATCH', '/version', { query: { key: 'k', versionId: 'v9' }, body: {} })).status).toBe(404)
})

test('an entry that is posted has the caller as its user, and what it says about the user as a claim', async ({ ask }) => {
  const logged = await ask('POST', '/audit', {
    body: [
      { action: 'UPLOAD', key: 'k' },
      { action: 'DELETE', bucket: 'other', userId: 'bob', success: false, errorMessage: 'denied' },
    ],
    headers: { 'user-agent': 'tester/1' },
  })
  expect(logged).toMatchObject({ status: 201, json: { logged: 2 } })
  const { json } = await ask('GET', '/audit', { query: { success: 'true' } })
  expect(json).toEqual({
    items: [
      {
        id: expect.any(Number),
        occurredAt: expect.stringMatching(/Z$/),
        userId: 'ann',
        userName: 'ann',
        action: 'UPLOAD',
        bucket: 'archive',
        key: 'k',
        versionId: null,
        ipAddress: '127.0.0.1',
        userAgent: 'tester/1',
        success: true,
        errorMessage: null,
        metadata: {},
        source: 'posted',
        claimed: null,
        recordedAt: expect.stringMatching(/Z$/),
      },
    ],
    nextCursor: null,
  })
  expect((await ask('GET', '/audit', { query: { userId: 'bob' } })).items).toEqual([])
  expect((await ask('GET', '/audit', { query: { claimedUserId: 'bob' } })).items).toMatchObject([
    { userId: 'ann', userName: 'ann', bucket: 'other', source: 'posted', claimed: { userId: 'bob' } },
  ])
  expect((await ask('GET', '/audit', { query: { key: 'k' } })).items).toHaveLength(1)
})

test('one entry alone is logged as well, and pages follow their cursor', async ({ ask }) => {
  for (const action of ['A', 'B', 'C']) await ask('POST', '/audit', { body: { action } })
  const first = await ask('GET', '/audit', { query: { limit: '2' } })
  const second = await ask('GET', '/audit', { query: { limit: '2', cursor: first.nextCursor } })
  const actions = [first, second].map(({ items }) => items.map(({ action }) => action))
  expect([actions, second.nextCursor]).toEqual([[['C', 'B'], ['A']], null])
})

test('hook executions are logged and come to statistics', async ({ ask }) => {
  const execution = {
    hookName: 'thumbnail',
    eventType: 'ObjectCreated:Put',
    key: 'k',
    executionTimeMs: 5,
    success: false,
    error: 'gone',
  }
  expect((await ask('POST', '/hooks', { body: execution })).json).toEqual({ logged: 1 })
  const [hook] = (await ask('GET', '/hooks', { query: { hookName: 'thumbnail' } })).items
  expect(hook).toMatchObject({
    executions: 1,
    successRate: 0,
    p50Ms: 5,
    lastFailure: { error: 'gone', key: 'k', bucket: 'archive' },
  })
})

test('statistics and buckets count what is there', async ({ ask }) => {
  await ask('PUT', '/object', { query: { key: 'k' }, body: { storageBackend: 'local', size: 7 } })
  await ask('PUT', '/object', { query: { key: 'k', bucket: 'other' }, body: { storageBackend: 'local', size: 5 } })
  expect((await ask('GET', '/statistics', { query: { days: '2' } })).json).toMatchObject({
    objects: 2,
    bytes: 12,
    growth: [{ objects: 0 }, { objects: 2 }],
  })
  expect((await ask('GET', '/statistics', { query: { bucket: 'other' } })).json).toMatchObject({ objects: 1, bytes: 5 })
  expect((await ask('GET', '/buckets')).items).toMatchObject([
    { bucket: 'archive', bytes: 7 },
    { bucket: 'other', bytes: 5 },
  ])
})

test('health is ok, and the description names every operation', async ({ ask }) => {
  expect(await ask('GET', '/health')).toMatchObject({ status: 200, json: { status: 'ok' } })
  const { json } = await ask('GET', '/openapi.json')
  const ids = Object.values((json as { paths: Record<string, object> }).paths).flatMap(path =>
    Object.values(path).map(({ operationId }) => operationId),
  )
  expect(ids.sort()).toEqual(Object.keys(routes).sort())
})

test('the description left out which numbers, times and buckets are refused', () => {
  const { paths } = openApiDocument() as {
    paths: Record<string, Record<string, { parameters: { name: string; schema: unknown }[] }>>
  }
  const schemas = paths['/audit']?.get?.parameters ?? []
  expect(schemas).toContainEqual(
    expect.objectContaining({ name: 'limit', schema: { type: 'integer', minimum: 1, maximum: 1000 } }),
  )
  expect(schemas).toContainEqual(
    expect.objectContaining({ name: 'from', schema: expect.objectContaining({ pattern: '^(19[7-9]|[2-9]\\d)' }) }),
  )
  expect(JSON.stringify(paths)).toContain('[a-z0-9.-]{1,61}')
})

test('nothing is kept by a cache', async ({ ask }) => {
  expect((await ask('GET', '/health')).headers.get('cache-control')).toBe('no-store')
})

describe('every legal key round-trips', () => {
  test.for([
    'a//b',
    '/leading',
    'trailing/',
    '..',
    '../up',
    'a/./b',
    '%41',
    'a+b',
    'a b',
    ' ',
    '&=?#',
    'line\nbreak\r\ttab',
    '\x01\x02\x7f',
    'nul\0key',
    '\u{1f600}.txt',
    'e\u0301',
    'é',
    '日本語',
    '\ufffd',
    '"\'\\',
    '__proto__',
    'k'.repeat(1024),
    '\u{1f600}'.repeat(256),
  ])('%j', async (key, { ask }) => {
    const put = await ask('PUT', '/object', { query: { key }, body: { storageBackend: 'local', size: 1 } })
    expect(put).toMatchObject({ status: 200, json: { key } })
    await ask('POST', '/versions', { body: { storageBackend: 'local', key, versionId: 'v2', size: 2 } })
    await ask('POST', '/audit', { body: { action: 'UPLOAD', key } })
    expect(await ask('GET', '/object', { query: { key } })).toMatchObject({ json: { key } })
    const lists = await Promise.all([
      ask('GET', '/objects', { query: { prefix: key } }),
      ask('GET', '/versions', { query: { key } }),
      ask('GET', '/audit', { query: { key } }),
    ])
    expect(lists.map(({ items }) => items[0]?.key)).toEqual([key, key, key])
    expect((await ask('DELETE', '/object', { query: { key } })).status).toBe(204)
  })
})

describe('a cursor that no list of ours gave out is refused', () => {
  const forged = (kind: string, values: CursorValue[]) => encodeCursor(kind, values)
  test.for([
    ['/objects', {}, 'x'],
    ['/objects', {}, forged('audit', [1])],
    ['/objects', {}, forged('objects', [1, 2, 3])],
    ['/versions', { key: 'k' }, forged('versions', ['a'])],
    ['/versions', { key: 'k' }, forged('versions', [true, 'yesterday', '', ''])],
    ['/audit', {}, forged('audit', ['2026-01-01T00:00:00Z', 'x'])],
    ['/search', { q: 'a' }, forged('search', ['x'])],
    ['/search', { q: 'a' }, '!'],
  ] as [string, Record<string, string>, string][])('%s %j %s', async ([path, query, cursor], { ask }) => {
    expect(await ask('GET', path, { query: { ...query, cursor } })).toMatchObject({
      status: 400,
      json: { error: { code: 'InvalidParameter' } },
    })
  })
})

test('without a default bucket the bucket is required, and the error says so', async ({ sql }) => {
  const api = await testApi(sql, { defaultBucket: undefined })
  const { status, error } = await api.ask('GET', '/objects')
  expect([status, error.code, error.message]).toEqual([
    400,
    'InvalidParameter',
    'bucket is required: no default bucket is configured (CATALOG_BUCKET)',
  ])
  expect((await api.ask('GET', '/objects', { query: { bucket: 'b' } })).status).toBe(200)
  await api.close()
})
