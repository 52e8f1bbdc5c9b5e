import { describe, expect, vi } from 'vitest'
import { connect } from '../../shared/database/connection.ts'
import { apiTest as test, testApi } from './api-client.ts'

type Case = [claim: string, path: string, query: Record<string, string | string[]>, message: string]

describe('a parameter is refused with its name and the reason', () => {
  test.for([
    ['unknown', '/objects', { perfix: 'a' }, 'unknown parameter perfix'],
    ['unknown, as a prototype', '/objects', { constructor: 'a' }, 'unknown parameter constructor'],
    ['missing', '/object', {}, 'key is required'],
    ['repeated', '/objects', { limit: ['1', '2'] }, 'limit is given more than once'],
    ['empty', '/object', { key: '' }, 'key must not be empty'],
    ['a key of 1,025 bytes', '/object', { key: 'k'.repeat(1025) }, 'key must be at most 1024 bytes'],
    ['a key of 1,028 bytes in 257 characters', '/object', { key: '\u{1f600}'.repeat(257) }, 'key must be at most 1024 bytes'],
    ['limit 0', '/objects', { limit: '0' }, 'limit must be a whole number from 1 to 1000'],
    ['limit 1001', '/objects', { limit: '1001' }, 'limit must be a whole number from 1 to 1000'],
    ['limit 1.5', '/objects', { limit: '1.5' }, 'limit must be a whole number from 1 to 1000'],
    ['limit 1e2', '/objects', { limit: '1e2' }, 'limit must be a whole number from 1 to 1000'],
    ['limit -1', '/objects', { limit: '-1' }, 'limit must be a whole number from 1 to 1000'],
    ['days 3661', '/statistics', { days: '3661' }, 'days must be a whole number from 1 to 3660'],
    ['a cursor', '/objects', { cursor: 'x' }, 'cursor is malformed'],
    ['a flag', '/audit', { success: 'yes' }, 'success must be true or false'],
    ['an action', '/audit', { action: 'upload' }, 'action must be upper-case letters and underscores, at most 64'],
    ['a day that does not exist', '/audit', { from: '2026-13-01' }, 'from must be an existing day or time from 1970 to 9999'],
    [
      'no day',
      '/audit',
      { from: 'yesterday' },
      'from must be a day or a time with its zone in ISO 8601, such as 2026-03-14 or 2026-03-14T15:09:26Z',
    ],
    [
      'a moment without a zone',
      '/hooks',
      { to: '2026-01-01T00:00:00' },
      'to must be a day or a time with its zone in ISO 8601, such as 2026-03-14 or 2026-03-14T15:09:26Z',
    ],
    ['metadata without a value', '/objects', { metadata: 'a' }, 'metadata.0 must be name=value'],
    ['a NUL where none can be', '/search', { q: 'a\0b' }, 'q must not contain U+0000 or lone surrogates'],
    ['a NUL in a bucket', '/objects', { bucket: 'a\0b' }, 'bucket must not contain U+0000 or lone surrogates'],
    ['a backend', '/objects', { backend: 'S3' }, 'backend must be lower-case letters, digits, _ and -, at most 64'],
  ] as Case[])('%s', async ([, path, query, message], { ask }) => {
    expect(await ask('GET', path, { query })).toMatchObject({
      status: 400,
      json: { error: { code: 'InvalidParameter', message, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) } },
    })
  })

  test('a search that is no search', async ({ ask }) => {
    const { status, error } = await ask('GET', '/search', { query: { q: '(invoice' } })
    expect([status, error.code]).toEqual([400, 'InvalidParameter'])
    expect(error.message).toMatch(/parenthesis/)
  })

  test.for(['%', '%zz', '%ff', '%ed%a0%80'])('an encoding: %s', async (key, { api }) => {
    const response = await fetch(`${api.url}/object?key=${key}`)
    expect([response.status, await response.json()]).toMatchObject([400, { error: { code: 'InvalidParameter' } }])
  })
})

test('limits are taken up to their ends', async ({ ask }) => {
  for (const query of [{ limit: '1' }, { limit: '1000' }, { from: '1970-01-01' }, { to: '9999-12-31T23:59:59.999999Z' }]) {
    expect((await ask('GET', '/audit', { query })).status, JSON.stringify(query)).toBe(200)
  }
})

test('plus is a space, as in a form', async ({ api, ask }) => {
  await ask('PUT', '/object', { query: { key: 'a b' }, body: { storageBackend: 'local', size: 1 } })
  expect(await (await fetch(`${api.url}/object?key=a+b`)).json()).toMatchObject({ key: 'a b' })
})

describe('a body is refused', () => {
  const json = { 'content-type': 'application/json' }
  test.for([
    ['malformed JSON', '{"size":', json, 400, 'MalformedBody', /^The body is not JSON: /],
    ['no body', undefined, json, 400, 'InvalidParameter', /^The body must be an object$/],
    ['not UTF-8', new Uint8Array([34, 0xff, 34]), json, 400, 'MalformedBody', /^The body is not UTF-8$/],
    [
      'another content type',
      '{"storageBackend":"local","size":1}',
      { 'content-type': 'text/plain' },
      415,
      'UnsupportedMediaType',
      /content-type: application\/json$/,
    ],
    ['an array', '[]', json, 400, 'InvalidParameter', /^The body must be an object$/],
    ['a text', '"size"', json, 400, 'InvalidParameter', /^The body must be an object$/],
    ['null', 'null', json, 400, 'InvalidParameter', /^The body must be an object$/],
    ['s3 as a backend', '{"storageBackend":"s3","size":1}', json, 400, 'InvalidParameter', /^storageBackend must not be s3: /],
    ['a missing field', '{}', json, 400, 'InvalidParameter', /^size is required$/],
    ['an unknown field', '{"storageBackend":"local","size":1,"sizes":2}', json, 400, 'InvalidParameter', /^unknown field sizes$/],
    ['a size that is text', '{"storageBackend":"local","size":"1"}', json, 400, 'InvalidParameter', /^size must be a number$/],
    ['half a byte', '{"storageBackend":"local","size":1.5}', json, 400, 'InvalidParameter', /^size must be a whole number$/],
    ['less than nothing', '{"storageBackend":"local","size":-1}', json, 400, 'InvalidParameter', /^size must not be negative$/],
    [
      'more than can be counted',
      '{"storageBackend":"local","size":9007199254740992}',
      json,
      400,
      'InvalidParameter',
      /^size must be a whole number$/,
    ],
    [
      'metadata that is an array',
      '{"storageBackend":"local","size":1,"metadata":[]}',
      json,
      400,
      'InvalidParameter',
      /^metadata must be an object$/,
    ],
    [
      'a tag that is a number',
      '{"storageBackend":"local","size":1,"tags":{"a":1}}',
      json,
      400,
      'InvalidParameter',
      /^tags.a must be text$/,
    ],
    [
      'a NUL in metadata',
      '{"storageBackend":"local","size":1,"metadata":{"a":["\\u0000"]}}',
      json,
      400,
      'InvalidParameter',
      /^metadata must not contain U\+0000/,
    ],
    [
      'a NUL in a name',
      '{"storageBackend":"local","size":1,"metadata":{"a":{"\\u0000":1}}}',
      json,
      400,
      'InvalidParameter',
      /^metadata must not contain U\+0000/,
    ],
    [
      'a lone surrogate',
      '{"storageBackend":"local","size":1,"comment":"\\ud800"}',
      json,
      400,
      'InvalidParameter',
      /^comment must not contain U\+0000 or lone surrogates$/,
    ],
    [
      'metadata too deep',
      `{"storageBackend":"local","size":1,"metadata":{"a":${'['.repeat(101)}${']'.repeat(101)}}}`,
      json,
      400,
      'InvalidParameter',
      /at most 100 levels deep$/,
    ],
    [
      'metadata far too deep',
      `{"storageBackend":"local","size":1,"metadata":{"a":${'['.repeat(400_000)}${']'.repeat(400_000)}}}`,
      json,
      400,
      'InvalidParameter',
      /at most 100 levels deep$/,
    ],
    [
      'a byte over the limit',
      `{"storageBackend":"local","size":1,"comment":"${'x'.repeat(1_048_576 - 47)}"}`,
      json,
      413,
      'BodyTooLarge',
      /at most 1048576 bytes$/,
    ],
    ['over 10 MB', ' '.repeat(10 * 1024 * 1024 + 1), json, 413, 'BodyTooLarge', /at most 10485760 bytes$/],
  ] as const)('%s', async ([, body, headers, status, code, message], { ask }) => {
    const answer = await ask('PUT', '/object', { query: { key: 'k' }, body, headers })
    expect([answer.status, answer.error.code, answer.error.message]).toEqual([status, code, expect.stringMatching(message)])
  })

  test('too many entries', async ({ ask }) => {
    const entries = (count: number) => Array.from({ length: count }, () => ({ action: 'UPLOAD' }))
    expect((await ask('POST', '/audit', { body: entries(1000) })).json).toEqual({ logged: 1000 })
    expect((await ask('POST', '/audit', { body: entries(1001) })).error.message).toBe('The body must be at most 1000 items')
    expect((await ask('POST', '/audit', { body: [] })).error.message).toBe('The body must not be empty')
    expect((await ask('POST', '/audit', { body: [{ action: 'UPLOAD' }, { action: 1 }] })).error.message).toBe(
      '1.action must be text',
    )
  })

  test('an entry of tomorrow', async ({ ask }) => {
    const { status, error } = await ask('POST', '/audit', { body: { action: 'UPLOAD', occurredAt: '2999-01-01' } })
    expect([status, error.message]).toEqual([400, 'occurredAt is in the future'])
  })
})

test('a content type is read however its header is spelled', async ({ api }) => {
  const headers = { 'CONTENT-TYPE': 'application/json; charset=utf-8' }
  expect(
    (await fetch(`${api.url}/object?key=k`, { method: 'PUT', body: '{"storageBackend":"local","size":1}', headers })).status,
  ).toBe(200)
})

test('a body of just the limit is read', async ({ ask }) => {
  const body = `{"storageBackend":"local","size":1${' '.repeat(1_048_576 - 35)}}`
  expect(
    (await ask('PUT', '/object', { query: { key: 'k' }, body, headers: { 'content-type': 'application/json' } })).status,
  ).toBe(200)
})

test('metadata of a hundred levels is kept', async ({ ask }) => {
  const metadata = { a: JSON.parse(`${'['.repeat(99)}1${']'.repeat(99)}`) }
  expect(
    await ask('PUT', '/object', { query: { key: 'k' }, body: { storageBackend: 'local', size: 1, metadata } }),
  ).toMatchObject({ json: { metadata } })
})

test('an unknown path is 404, another method 405 with those that are allowed', async ({ ask }) => {
  expect(await ask('GET', '/')).toMatchObject({
    status: 404,
    json: { error: { code: 'NotFound', message: 'No operation has the path /' } },
  })
  expect(await ask('GET', '/objects/')).toMatchObject({ status: 404 })
  const wrong = await ask('POST', '/object', { body: {} })
  expect([wrong.status, wrong.error.code, wrong.headers.get('allow')]).toEqual([405, 'MethodNotAllowed', 'GET, PUT, DELETE'])
  expect((await ask('OPTIONS', '/search')).headers.get('allow')).toBe('GET')
})

test('an unexpected error is an opaque 500, and complete in the log under its request id', async ({ sql, ask }) => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  await sql`alter table catalog.storage_hooks rename to secret_table`
  const { status, error, text } = await ask('GET', '/hooks')
  const lines = log.mock.calls.map(([line]) => JSON.parse(String(line)))
  log.mockRestore()
  expect([status, error.code]).toEqual([500, 'InternalError'])
  expect(text).not.toMatch(/storage_hooks|relation|\.ts/)
  expect(lines).toMatchObject([
    {
      level: 'error',
      requestId: error.requestId,
      method: 'GET',
      path: '/hooks',
      error: { name: 'PostgresError', code: '42P01', message: expect.stringMatching(/storage_hooks/) },
    },
  ])
})

test('a statement that outlives the time of its role is ended, and the caller gets 503 with Retry-After', async ({
  sql,
  database,
}) => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const impatient = connect({ url: `${database.url}?statement_timeout=100ms` })
  const api = await testApi(impatient)
  await sql.begin(async tx => {
    await tx`lock table catalog.storage_objects`
    const { status, headers, error } = await api.ask('GET', '/objects')
    expect([status, headers.get('retry-after'), error.code]).toEqual([503, '5', 'Unavailable'])
    expect(error.message).toBe('The database took too long: try again later, or request less')
  })
  expect((await api.ask('GET', '/objects')).status).toBe(200)
  await Promise.all([api.close(), impatient.end()])
})

test('every request is 503 when the database cannot be reached', async () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const nowhere = connect({ url: 'postgres://nobody@127.0.0.1:1/none' })
  const api = await testApi(nowhere)
  expect(await api.ask('GET', '/health')).toMatchObject({
    status: 503,
    json: { error: { code: 'Unavailable', message: 'The database cannot be reached' } },
  })
  const { status, headers, error } = await api.ask('GET', '/objects')
  expect([status, headers.get('retry-after'), error.code]).toEqual([503, '5', 'Unavailable'])
  log.mockRestore()
  await Promise.all([api.close(), nowhere.end({ timeout: 1 })])
})
