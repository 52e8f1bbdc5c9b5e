import { describe, expect, vi } from 'vitest'
import { type Ask, type Fields, apiTest as test, testApi } from './api-client.ts'

const K = { key: 'k' }

const entriesOf = async (ask: Ask, query: Record<string, string> = {}): Promise<Fields[]> =>
  (await ask('GET', '/audit', { query })).items

/** A version `1` of a key, by the backend `tape`. */
const record = (ask: Ask, more: object = {}) =>
  ask('POST', '/versions', { body: { ...K, versionId: '1', size: 1, storageBackend: 'tape', ...more } })

describe('a write of the API leaves no entry:', () => {
  const V = { ...K, versionId: '1' }
  test.for<[string, string, string, Parameters<Ask>[2], object]>([
    [
      'PUT /object',
      'PUT',
      '/object',
      { query: { key: 'new' }, body: { size: 3, storageBackend: 'tape' } },
      { action: 'RECORD', key: 'new', versionId: 'null', metadata: { before: null, after: { size: 3, storageBackend: 'tape' } } },
    ],
    [
      'POST /versions',
      'POST',
      '/versions',
      { body: { ...V, size: 2, storageBackend: 'tape' } },
      { action: 'RECORD', ...V, metadata: { before: { size: 1 }, after: { size: 2 } } },
    ],
    ['DELETE /object', 'DELETE', '/object', { query: K }, { action: 'DELETE', ...V }],
    [
      'PATCH /version',
      'PATCH',
      '/version',
      { query: V, body: { comment: 'signed' } },
      { action: 'ANNOTATE', ...V, metadata: { before: { comment: null }, after: { comment: 'signed' } } },
    ],
    [
      'PATCH /version with tags',
      'PATCH',
      '/version',
      { query: V, body: { tags: { a: 'b' } } },
      { action: 'TAG', ...V, metadata: { before: { tags: {} }, after: { tags: { a: 'b' } } } },
    ],
    [
      'POST /hooks',
      'POST',
      '/hooks',
      { body: { hookName: 'scan', eventType: 'e', executionTimeMs: 1, success: true } },
      { action: 'LOG_HOOKS', key: null, metadata: { executions: 1, hooks: ['scan'] } },
    ],
    [
      'POST /reconciles',
      'POST',
      '/reconciles',
      { body: { prefix: 'a/' } },
      { action: 'RECONCILE', bucket: 'archive', metadata: { run: expect.any(Number), kind: 'reconcile', prefix: 'a/' } },
    ],
  ])('%s', async ([, method, path, input, entry], { ask }) => {
    await record(ask)
    const [last] = await entriesOf(ask)
    expect((await ask(method, path, input)).status).toBeLessThan(300)
    const [newest, before] = await entriesOf(ask)
    expect(before).toEqual(last)
    expect(newest).toMatchObject({ ...entry, userId: 'ann', ipAddress: '127.0.0.1', source: 'api', success: true, claimed: null })
  })

  test('DELETE /reconcile', async ({ ask }) => {
    const { id } = (await ask('POST', '/reconciles', { body: {} })).json as { id: number }
    await ask('DELETE', '/reconcile', { query: { id: String(id) } })
    expect((await entriesOf(ask))[0]).toMatchObject({ action: 'RECONCILE_STOP', bucket: 'archive', metadata: { run: id } })
  })
})

test('a write that is refused leaves no entry, and an entry that cannot be written undoes its write', async ({ ask, sql }) => {
  await ask('PATCH', '/version', { query: { ...K, versionId: 'none' }, body: { comment: 'x' } })
  expect(await entriesOf(ask)).toEqual([])
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  await sql`alter table catalog.storage_audit add constraint full_disk check (action <> 'RECORD')`
  expect((await record(ask)).status).toBe(500)
  expect((await ask('GET', '/versions', { query: K })).items).toEqual([])
  vi.restoreAllMocks()
})

test('PATCH rewrites createdBy without a trace', async ({ ask }) => {
  await record(ask, { createdBy: 'ben' })
  await ask('PATCH', '/version', { query: { ...K, versionId: '1' }, body: { createdBy: 'eve' } })
  const [entry] = await entriesOf(ask, { action: 'ANNOTATE' })
  expect(entry).toMatchObject({ userId: 'ann', metadata: { before: { createdBy: 'ben' }, after: { createdBy: 'eve' } } })
  const [version] = (await ask('GET', '/versions', { query: K })).items
  expect(version).toMatchObject({ createdBy: 'eve', claimedBy: 'ann' })
})

test('a posted entry names ann and appears as her own, or as an S3 event', async ({ sql }) => {
  const api = await testApi(sql)
  const claimed = { userId: 'AWS:ann', userName: 'Ann', ipAddress: '192.0.2.1', userAgent: 'S3Console' }
  await api.ask('POST', '/audit', { body: { action: 'DELETE', ...K, ...claimed } })
  await api.ask('POST', '/audit', { body: { action: 'DELETE', ...K, userId: 'ben' } })
  const [second, first] = await entriesOf(api.ask, { source: 'posted' })
  expect(first).toMatchObject({ userId: 'ann', ipAddress: '127.0.0.1', source: 'posted', claimed })
  expect(first?.userAgent).not.toBe('S3Console')
  expect(second).toMatchObject({ userId: 'ann', userName: 'ann', claimed: { userId: 'ben' } })
  expect(await entriesOf(api.ask, { source: 'event' })).toEqual([])
  const unknown = await api.ask('POST', '/audit', { body: { action: 'DELETE', source: 'event' } })
  expect(unknown.error.message).toBe('unknown field source')
  await api.close()
})

test('an entry of a write can be longer than 16 KB', async ({ ask }) => {
  const texts = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`${n}`, '\u0001'.repeat(20)]))
  await record(ask, { metadata: texts, tags: texts, comment: '\u0001'.repeat(800), createdBy: '\u0001'.repeat(800) })
  await record(ask, { comment: '\u0002'.repeat(800), createdBy: '\u0002'.repeat(800), contentType: '\u0002'.repeat(800) })
  for (let n = 0; n < 20; n++)
    await ask('POST', '/versions', { body: { key: '\u0001'.repeat(1000), versionId: `${n}`, storageBackend: 'tape' } })
  await ask('DELETE', '/versions', { query: { key: '\u0001'.repeat(1000) } })
  for (const { metadata } of await entriesOf(ask)) expect(Buffer.byteLength(JSON.stringify(metadata))).toBeLessThan(16_385)
  expect((await entriesOf(ask))[0]).toMatchObject({
    action: 'FORGET',
    metadata: { cut: expect.stringMatching(/^\{"removed":20,/) },
  })
})

test('a long comment in an entry is cut', async ({ ask }) => {
  await record(ask, { comment: 'x'.repeat(16_384) })
  const [entry] = await entriesOf(ask)
  expect(JSON.stringify(entry).length).toBeLessThan(3000)
  expect(JSON.stringify(entry)).toContain('… (16386 characters)')
})
