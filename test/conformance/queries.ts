import { expect } from 'vitest'
import type { Jsonify } from '../../cli/connect/get-json.ts'
import type { ListPage } from '../../cli/terminal/print-list.ts'
import type { PresignedUpload } from '../../functions/http/presign.ts'
import type { StoredObject } from '../../shared/catalog/objects.ts'
import type { BucketStatistics, Statistics } from '../../shared/catalog/statistics.ts'
import {
  actionsOf,
  auditOf,
  type ConformanceTest,
  historyOf,
  listKeys,
  newWord,
  objectOf,
  put,
  read,
  type TestInstallation,
  versionsOf,
  waitFor,
} from './fixture.ts'

/** Searches, lists, the audit trail, statistics, and transfers by presigned URLs. */
export function testQueries(test: ConformanceTest): void {
  test('a search finds an object by words of its name, their beginnings, its metadata and its tags', async ({ installation }) => {
    const [name, department, status] = [newWord(), newWord(), newWord()]
    const { key } = await put(installation, `search/${name}/annualReport_2031-07.pdf`, 'x', {
      Metadata: { department },
      Tagging: `status=${status}`,
    })
    const queries = [name, `${name.slice(0, -4)}*`, `${name} annual 2031`, department, status, `${department} -${newWord()}`]
    for (const q of queries) await waitFor(installation, () => found(installation, q), [key])
    for (const q of [`${name} ${newWord()}`, `${name} -annual`]) expect(await found(installation, q)).toEqual([])
  })

  test('a list returns the objects with a prefix in the order of their keys, and deeper ones as folders', async ({
    installation,
  }) => {
    for (const name of ['b.txt', 'a.txt', 'deep/c.txt', 'deep/d.txt', 'B.txt']) await put(installation, `list/${name}`, name)
    await waitFor(
      installation,
      () => listKeys(installation, 'list/'),
      ['B.txt', 'a.txt', 'b.txt', 'deep/c.txt', 'deep/d.txt'].map(name => `list/${name}`),
    )
    const prefix = `${installation.prefix}list/`
    const { items, prefixes } = await read<Objects>(installation, '/objects', {
      bucket: installation.bucket,
      prefix,
      delimiter: '/',
    })
    expect({ keys: items.map(({ key }) => key.slice(prefix.length)), prefixes }).toEqual({
      keys: ['B.txt', 'a.txt', 'b.txt'],
      prefixes: [`${prefix}deep/`],
    })
  })

  test('a list returns page after page, each object once', async ({ installation }) => {
    const names = ['1', '2', '3', '4', '5'].map(n => `pages/${n}`)
    for (const name of names) await put(installation, name, name)
    await waitFor(installation, () => listKeys(installation, 'pages/'), names)
    const query = { bucket: installation.bucket, prefix: `${installation.prefix}pages/`, limit: 2 }
    const keys: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: Objects = await read(installation, '/objects', cursor ? { ...query, cursor } : query)
      keys.push(...page.items.map(({ key }) => key.slice(installation.prefix.length)))
      cursor = page.nextCursor
    }
    expect(keys).toEqual(names)
  })

  test('a version keeps its comment and its author when it is overwritten', async ({ installation }) => {
    const { key, versionId } = await put(installation, 'annotated.txt', 'first')
    await waitFor(installation, () => historyOf(installation, key), [`${versionId} latest`])
    const named = { bucket: installation.bucket, key, versionId }
    const response = await installation.api.request('PATCH', '/version', named, { comment: 'as signed', createdBy: 'ann' })
    expect(response).toMatchObject({ status: 200, body: { comment: 'as signed', createdBy: 'ann' } })
    const { versionId: second } = await put(installation, 'annotated.txt', 'second')
    await waitFor(installation, () => historyOf(installation, key), [`${second} latest`, versionId])
    expect((await versionsOf(installation, key))[1]).toMatchObject({ versionId, comment: 'as signed', createdBy: 'ann' })
  })

  test('the audit trail says who changed an object and from where, each change once', async ({ installation }) => {
    const { key, versionId: first } = await put(installation, 'audited.txt', 'first')
    const { versionId: second } = await put(installation, 'audited.txt', 'second')
    await waitFor(installation, async () => (await actionsOf(installation, key)).length, 2)
    await read(installation, '/download', { bucket: installation.bucket, key, versionId: first })
    const entries = await auditOf(installation, key)
    const actions = entries.map(({ action, versionId, success }) => [action, versionId, success])
    expect(actions).toHaveLength(3)
    expect(actions).toEqual(
      expect.arrayContaining([
        ['UPLOAD', first, true],
        ['UPLOAD', second, true],
        ['DOWNLOAD', first, true],
      ]),
    )
    const uploads = entries.filter(({ action }) => action === 'UPLOAD')
    for (const entry of uploads) expect(entry).toMatchObject({ userId: expect.any(String), ipAddress: expect.any(String) })
    const download = entries.find(({ action }) => action === 'DOWNLOAD')
    if (installation.api.knowsCallers)
      expect(download).toMatchObject({ userId: expect.any(String), ipAddress: expect.any(String) })
  })

  test('the statistics count uploaded objects', async ({ installation }) => {
    const { key } = await put(installation, 'counted.txt', '123456789')
    await put(installation, 'counted.txt', '123456789')
    await waitFor(installation, async () => (await historyOf(installation, key)).length, 2)
    const all = await read<Jsonify<Statistics>>(installation, '/statistics', { bucket: installation.bucket, days: 1 })
    const more = (least: number) => expect.toSatisfy((value: number) => value >= least, `at least ${least}`)
    expect(all).toMatchObject({
      objects: more(1),
      bytes: more(9),
      versions: more(2),
      oldVersions: more(1),
      oldVersionBytes: more(9),
    })
    expect(all.auditsLast24h).toBeGreaterThanOrEqual(2)
    const { items } = await read<ListPage<BucketStatistics>>(installation, '/buckets')
    expect(items).toContainEqual(expect.objectContaining({ bucket: installation.bucket, objects: more(1) }))
  })

  test('a signed URL uploads an object with its metadata, and another downloads each of its versions', async ({
    installation,
  }) => {
    const key = `${installation.prefix}transfers/by url.txt`
    const wanted = { bucket: installation.bucket, key, contentType: 'text/plain', metadata: { department: 'finance' } }
    const response = await installation.api.request('POST', '/uploads', {}, wanted)
    expect(response).toMatchObject({ status: 201 })
    const upload = response.body as Jsonify<PresignedUpload>
    const sent = await fetch(upload.url, { method: upload.method, headers: upload.headers, body: 'by a URL' })
    expect({ status: sent.status, body: await sent.text() }).toMatchObject({ status: 200 })
    const object = await waitFor(
      installation,
      () => objectOf(installation, key),
      expect.objectContaining({
        size: 8,
        contentType: 'text/plain',
        metadata: { department: 'finance' },
      }),
    )
    const { versionId: second } = await put(installation, 'transfers/by url.txt', 'by the SDK')
    await waitFor(installation, () => objectOf(installation, key), expect.objectContaining({ versionId: second }))
    expect(await downloaded(installation, { bucket: installation.bucket, key })).toBe('by the SDK')
    expect(await downloaded(installation, { bucket: installation.bucket, key, versionId: object?.versionId ?? '' })).toBe(
      'by a URL',
    )
  })

  test('keys with spaces, pluses, percent signs and any script are stored unchanged', async ({ installation }) => {
    const names = ['a b+c.txt', '100%25 &=?#.txt', 'ü/漢字 😀.txt', 'a//b', 'quote\'"s.txt', 'folder/']
    for (const name of names) await put(installation, `awkward/${name}`, name)
    const sorted = names.map(name => `awkward/${name}`).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    await waitFor(installation, () => listKeys(installation, 'awkward/'), sorted)
    for (const name of names) {
      const key = `${installation.prefix}awkward/${name}`
      expect(await objectOf(installation, key)).toMatchObject({ key, size: Buffer.byteLength(name) })
      expect(await downloaded(installation, { bucket: installation.bucket, key })).toBe(name)
    }
  })

  test('invalid requests and missing objects return an error code', async ({ installation }) => {
    const { bucket, prefix, api } = installation
    const refusals = [
      await api.request('GET', '/object', { bucket, key: `${prefix}never.txt` }),
      await api.request('GET', '/objects', { bucket, cursor: 'no cursor' }),
      await api.request('GET', '/search', { q: 'x', limit: 0 }),
    ]
    expect(refusals).toMatchObject([
      { status: 404, body: { error: { code: 'NotFound' } } },
      { status: 400, body: { error: { code: 'InvalidParameter' } } },
      { status: 400, body: { error: { code: 'InvalidParameter' } } },
    ])
  })
}

type Objects = ListPage<Jsonify<StoredObject>>

async function found(installation: TestInstallation, q: string): Promise<string[]> {
  const { items } = await read<Objects>(installation, '/search', { q, bucket: installation.bucket, prefix: installation.prefix })
  return items.map(({ key }) => key)
}

async function downloaded(installation: TestInstallation, query: Record<string, string>): Promise<string> {
  const { url } = await read<{ url: string }>(installation, '/download', query)
  const response = await fetch(url)
  const text = await response.text()
  expect({ status: response.status, text }).toMatchObject({ status: 200 })
  return text
}
