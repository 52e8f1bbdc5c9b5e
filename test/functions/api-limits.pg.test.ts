import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect } from 'vitest'
import { MAX_METADATA_BYTES, MAX_PAYLOAD_BYTES } from '../../shared/limits.ts'
import { type Ask, apiTest as test } from './api-client.ts'

/** What Lambda returns at most, in bytes: the whole response, in which the body is a JSON string. */
const LAMBDA_BYTES = 6_291_556

/** An object of so many bytes as JSON, whose text becomes twice as long where JSON is put into JSON. */
const json = (bytes: number, letter = '"') => ({ a: letter.repeat((bytes - 8) / JSON.stringify(letter).slice(1, -1).length) })

describe('what is stored has a bound', () => {
  const object = { method: 'PUT', path: '/object', query: { key: 'k' } }
  const most = `must be at most ${MAX_METADATA_BYTES} bytes`
  test.for([
    [
      'metadata of an object',
      { ...object, body: (bytes: number) => ({ size: 1, storageBackend: 'tape', metadata: json(bytes) }) },
      MAX_METADATA_BYTES,
      `metadata ${most}`,
    ],
    [
      'tags of an object',
      { ...object, body: (bytes: number) => ({ size: 1, storageBackend: 'tape', tags: json(bytes) }) },
      MAX_METADATA_BYTES,
      `tags ${most}`,
    ],
    [
      'metadata of an audit entry',
      { method: 'POST', path: '/audit', query: {}, body: (bytes: number) => ({ action: 'A', metadata: json(bytes) }) },
      MAX_METADATA_BYTES,
      `metadata ${most}`,
    ],
    [
      'the payload of a hook',
      {
        method: 'POST',
        path: '/hooks',
        query: {},
        body: (bytes: number) => ({
          hookName: 'h',
          eventType: 'e',
          executionTimeMs: 31_536_000_000,
          success: true,
          payload: json(bytes),
          response: json(bytes),
        }),
      },
      MAX_PAYLOAD_BYTES,
      `payload must be at most ${MAX_PAYLOAD_BYTES} bytes`,
    ],
  ] as const)('%s', async ([, { method, path, query, body }, bytes, message], { ask }) => {
    expect((await ask(method, path, { query, body: body(bytes) })).status).toBeLessThan(300)
    const longer = await ask(method, path, { query, body: body(bytes + 2) })
    expect([longer.status, longer.error.message]).toEqual([400, message])
  })

  test('an execution of more than a year', async ({ ask }) => {
    const body = { hookName: 'h', eventType: 'e', executionTimeMs: 31_536_000_001, success: true }
    const { status, error } = await ask('POST', '/hooks', { body })
    expect([status, error.message]).toEqual([400, 'executionTimeMs must be at most 31536000000'])
  })
})

/** Follows a list to its end, with pages of the most items. Returns its items, and the longest response as Lambda would return it. */
async function readAll(ask: Ask, path: string, query: Record<string, string> = {}) {
  const items: unknown[] = []
  let longest = 0
  let pages = 0
  for (let cursor: string | undefined; ; ) {
    const { json: body, text, headers } = await ask('GET', path, { query: { limit: '1000', ...query, cursor } })
    const {
      items: some,
      prefixes = [],
      nextCursor,
    } = body as { items: unknown[]; prefixes?: unknown[]; nextCursor: string | null }
    items.push(...some, ...prefixes)
    pages++
    longest = Math.max(
      longest,
      Buffer.byteLength(JSON.stringify({ statusCode: 200, headers: Object.fromEntries(headers), body: text })),
    )
    if (nextCursor === null) return { items: items.length, longest, pages }
    cursor = nextCursor
  }
}

describe('a page of the largest rows was longer than Lambda returns', () => {
  const COUNT = 150
  const text = (length: number) => '"'.repeat(length)

  test('audit', async ({ ask, sql }) => {
    const entry = { action: 'A', userAgent: text(8192), errorMessage: text(16_384), metadata: json(MAX_METADATA_BYTES) }
    expect((await ask('POST', '/audit', { body: entry })).status).toBe(201)
    await sql`
      insert into catalog.storage_audit (action, source, user_agent, error_message, metadata, claimed)
      select action, source, user_agent, error_message, metadata, claimed from catalog.storage_audit, generate_series(2, ${COUNT}::int)
    `
    const read = await readAll(ask, '/audit')
    expect(read).toMatchObject({ items: COUNT, longest: expect.toSatisfy(bytes => bytes < LAMBDA_BYTES) })
    expect(read.pages).toBeGreaterThan(2)
  })

  test('versions, objects and search', async ({ ask, sql }) => {
    const details = {
      comment: text(16_384),
      metadata: json(MAX_METADATA_BYTES),
      tags: json(MAX_METADATA_BYTES),
      etag: text(1024),
    }
    const first = { key: 'invoice', versionId: 'v0', size: 1, storageBackend: 'tape', ...details }
    expect((await ask('POST', '/versions', { body: first })).status).toBe(201)
    // The others as copies: so many requests would take longer than all that is tested.
    await sql`
      insert into catalog.storage_versions (bucket, key, version_id, is_latest, size, last_modified, storage_backend, etag, metadata, tags, comment)
      select bucket, case when n % 2 = 0 then key else 'invoice/' || n end, 'v' || n, n % 2 = 1, size, last_modified, storage_backend,
        etag, metadata, tags, comment
      from catalog.storage_versions, generate_series(1, ${2 * COUNT}::int) as n
      where version_id = 'v0'
    `
    for (const [path, query, count] of [
      ['/versions', { key: 'invoice' }, COUNT + 1],
      ['/objects', {}, COUNT + 1],
      ['/objects', { delimiter: '/', prefix: 'invoice/' }, COUNT],
      ['/search', { q: 'invoice' }, COUNT + 1],
    ] as const) {
      const read = await readAll(ask, path, query)
      expect(read, path).toMatchObject({ items: count, longest: expect.toSatisfy(bytes => bytes < LAMBDA_BYTES) })
      expect(read.pages, path).toBeGreaterThan(1)
    }
  })

  test('hooks', async ({ ask, sql }) => {
    await sql`
      insert into catalog.storage_hooks (hook_name, event_type, execution_time_ms, success, error)
      select 'hook ' || n, 'e', 1, false, ${text(16_384)} from generate_series(1, ${COUNT}::int) as n
    `
    expect(await readAll(ask, '/hooks')).toMatchObject({ items: COUNT, longest: expect.toSatisfy(bytes => bytes < LAMBDA_BYTES) })
  })
})

describe('a cursor of a list was taken by the same list with other filters', () => {
  test.for([
    ['/search', { q: 'report' }, { q: 'report or invoice' }],
    ['/search', { q: 'report' }, { q: 'report', prefix: 'report' }],
    ['/objects', {}, { delimiter: '/' }],
    ['/objects', {}, { metadata: 'a=1' }],
    ['/versions', { key: 'report/0' }, { key: 'report/1' }],
    ['/audit', {}, { action: 'A' }],
    ['/audit', {}, { from: '2020-01-01' }],
    ['/hooks', {}, { hookName: 'h0' }],
  ] as const)('%s %j %j', async ([path, query, other], { ask }) => {
    for (const n of [0, 1]) {
      await ask('PUT', '/object', { query: { key: `report/${n}` }, body: { size: 1, storageBackend: 'tape' } })
      await ask('POST', '/versions', { body: { key: 'report/0', versionId: `v${n}`, storageBackend: 'tape' } })
      await ask('POST', '/hooks', { body: { hookName: `h${n}`, eventType: 'e', executionTimeMs: 1, success: true } })
    }
    const { nextCursor: cursor } = await ask('GET', path, { query: { ...query, limit: '1' } })
    expect(cursor).toEqual(expect.any(String))
    expect((await ask('GET', path, { query: { ...query, cursor } })).status).toBe(200)
    const refused = await ask('GET', path, { query: { ...other, cursor } })
    expect([refused.status, refused.error.message]).toEqual([400, 'cursor belongs to another list'])
  })
})

test.for(['/audit', '/hooks'])('a range that ends before it begins was an empty list: %s', async (path, { ask }) => {
  const { status, error } = await ask('GET', path, { query: { from: '2026-01-02', to: '2026-01-01' } })
  expect([status, error.message]).toEqual([400, 'from must not be after to'])
  expect((await ask('GET', path, { query: { from: '2026-01-01', to: '2026-01-01' } })).items).toEqual([])
})

test('metadata=n=5 never matched a number', async ({ ask }) => {
  const put = (key: string, metadata: object) =>
    ask('PUT', '/object', { query: { key: `report ${key}` }, body: { size: 1, storageBackend: 'tape', metadata } })
  await put('number', { n: 5, is: true, none: null })
  await put('text', { n: '5', is: 'true', none: 'null' })
  await put('other', { n: 50, is: false, none: 0 })
  const found = async (path: string, ...metadata: string[]) => {
    const { items } = await ask('GET', path, { query: { ...(path === '/search' && { q: 'report' }), metadata } })
    return items.map(({ key }) => key).sort()
  }
  for (const path of ['/objects', '/search']) {
    for (const filter of ['n=5', 'n=5.0', 'n=5e0', 'is=true', 'none=null']) {
      const both = filter === 'n=5.0' || filter === 'n=5e0' ? ['report number'] : ['report number', 'report text']
      expect(await found(path, filter), `${path} ${filter}`).toEqual(both)
    }
    expect(await found(path, 'n=5', 'is=false')).toEqual([])
    expect(await found(path, 'n=50', 'is=false')).toEqual(['report other'])
    expect(await found(path, 'n=1e999')).toEqual([])
  }
})

describe('compression', () => {
  test('a list is a fifth as long for a client that accepts gzip', async ({ ask, api }) => {
    await ask('POST', '/audit', {
      body: Array.from({ length: 200 }, (_, n) => ({ action: 'UPLOAD', key: `documents/${n}.pdf` })),
    })
    const raw = async (coding: string) => {
      const response = await fetch(`${api.url}/audit?limit=200`, { headers: { 'accept-encoding': coding } })
      return {
        coding: response.headers.get('content-encoding'),
        length: Number(response.headers.get('content-length')),
        json: await response.json(),
      }
    }
    const plain = await raw('identity')
    const zipped = await raw('gzip, deflate, br')
    expect([plain.coding, zipped.coding, zipped.json]).toEqual([null, 'gzip', plain.json])
    expect((await raw('br, gzip;q=0.5')).coding).toBeNull()
    expect((await raw('gzip;q=0, deflate')).coding).toBe('deflate')
  })

  test('a body in gzip was refused as malformed', async ({ ask }) => {
    const send = (body: Uint8Array<ArrayBuffer>, coding: string) =>
      ask('POST', '/audit', { body, headers: { 'content-type': 'application/json', 'content-encoding': coding } })
    const text = JSON.stringify({ action: 'ZIPPED' })
    expect((await send(new Uint8Array(gzipSync(text)), 'gzip')).json).toEqual({ logged: 1 })
    expect(gunzipSync(gzipSync(text)).toString()).toBe(text)
    for (const [body, coding] of [
      [text, 'gzip'],
      [text, 'br'],
    ] as const) {
      const { status, error } = await send(new TextEncoder().encode(body), coding)
      expect([status, error.code, error.requestId]).toEqual([415, 'UnsupportedMediaType', expect.any(String)])
    }
    // Ten megabytes of zeros are ten kilobytes in gzip.
    expect((await send(new Uint8Array(gzipSync(Buffer.alloc(11 * 1024 ** 2))), 'gzip')).error.code).toBe('BodyTooLarge')
  })
})
