import { expect } from 'vitest'
import type { Jsonify } from '../../cli/connect/get-json.ts'
import type { Page } from '../../cli/terminal/print-list.ts'
import type { PresignedUpload } from '../../functions/http/presign.ts'
import type { StoredObject } from '../../shared/catalog/objects.ts'
import type { BucketStatistics, Statistics } from '../../shared/catalog/statistics.ts'
import {
  actionsOf,
  auditOf,
  type ConformanceTest,
  eventually,
  historyOf,
  keysBelow,
  newWord,
  objectOf,
  put,
  read,
  type Scene,
  versionsOf,
} from './scene.ts'

/** What people ask the catalog, and transfers by URLs that it signs. */
export function tellQuestions(test: ConformanceTest): void {
  test('a search finds an object by words of its name, their beginnings, its metadata and its tags', async ({ scene }) => {
    const [name, department, status] = [newWord(), newWord(), newWord()]
    const { key } = await put(scene, `search/${name}/annualReport_2031-07.pdf`, 'x', {
      Metadata: { department },
      Tagging: `status=${status}`,
    })
    const queries = [name, `${name.slice(0, -4)}*`, `${name} annual 2031`, department, status, `${department} -${newWord()}`]
    for (const q of queries) await eventually(scene, () => found(scene, q), [key])
    for (const q of [`${name} ${newWord()}`, `${name} -annual`]) expect(await found(scene, q)).toEqual([])
  })

  test('a list returns the objects with a prefix in the order of their keys, and deeper ones as folders', async ({ scene }) => {
    for (const name of ['b.txt', 'a.txt', 'deep/c.txt', 'deep/d.txt', 'B.txt']) await put(scene, `list/${name}`, name)
    await eventually(
      scene,
      () => keysBelow(scene, 'list/'),
      ['B.txt', 'a.txt', 'b.txt', 'deep/c.txt', 'deep/d.txt'].map(name => `list/${name}`),
    )
    const prefix = `${scene.prefix}list/`
    const { items, prefixes } = await read<Objects>(scene, '/objects', { bucket: scene.bucket, prefix, delimiter: '/' })
    expect({ keys: items.map(({ key }) => key.slice(prefix.length)), prefixes }).toEqual({
      keys: ['B.txt', 'a.txt', 'b.txt'],
      prefixes: [`${prefix}deep/`],
    })
  })

  test('a list comes page by page, each object once', async ({ scene }) => {
    const names = ['1', '2', '3', '4', '5'].map(n => `pages/${n}`)
    for (const name of names) await put(scene, name, name)
    await eventually(scene, () => keysBelow(scene, 'pages/'), names)
    const query = { bucket: scene.bucket, prefix: `${scene.prefix}pages/`, limit: 2 }
    const keys: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: Objects = await read(scene, '/objects', cursor ? { ...query, cursor } : query)
      keys.push(...page.items.map(({ key }) => key.slice(scene.prefix.length)))
      cursor = page.nextCursor
    }
    expect(keys).toEqual(names)
  })

  test('a version keeps its comment and its author when it is overwritten', async ({ scene }) => {
    const { key, versionId } = await put(scene, 'annotated.txt', 'first')
    await eventually(scene, () => historyOf(scene, key), [`${versionId} latest`])
    const named = { bucket: scene.bucket, key, versionId }
    const answer = await scene.api.ask('PATCH', '/version', named, { comment: 'as signed', createdBy: 'ann' })
    expect(answer).toMatchObject({ status: 200, body: { comment: 'as signed', createdBy: 'ann' } })
    const { versionId: second } = await put(scene, 'annotated.txt', 'second')
    await eventually(scene, () => historyOf(scene, key), [`${second} latest`, versionId])
    expect((await versionsOf(scene, key))[1]).toMatchObject({ versionId, comment: 'as signed', createdBy: 'ann' })
  })

  test('the audit trail says who changed an object and from where, each change once', async ({ scene }) => {
    const { key, versionId: first } = await put(scene, 'audited.txt', 'first')
    const { versionId: second } = await put(scene, 'audited.txt', 'second')
    await eventually(scene, async () => (await actionsOf(scene, key)).length, 2)
    await read(scene, '/download', { bucket: scene.bucket, key, versionId: first })
    const entries = await auditOf(scene, key)
    const told = entries.map(({ action, versionId, success }) => [action, versionId, success])
    expect(told).toHaveLength(3)
    expect(told).toEqual(
      expect.arrayContaining([
        ['UPLOAD', first, true],
        ['UPLOAD', second, true],
        ['DOWNLOAD', first, true],
      ]),
    )
    const uploads = entries.filter(({ action }) => action === 'UPLOAD')
    for (const entry of uploads) expect(entry).toMatchObject({ userId: expect.any(String), ipAddress: expect.any(String) })
    const download = entries.find(({ action }) => action === 'DOWNLOAD')
    if (scene.api.knowsCallers) expect(download).toMatchObject({ userId: expect.any(String), ipAddress: expect.any(String) })
  })

  test('the statistics count what was put', async ({ scene }) => {
    const { key } = await put(scene, 'counted.txt', '123456789')
    await put(scene, 'counted.txt', '123456789')
    await eventually(scene, async () => (await historyOf(scene, key)).length, 2)
    const all = await read<Jsonify<Statistics>>(scene, '/statistics', { bucket: scene.bucket, days: 1 })
    const more = (least: number) => expect.toSatisfy((value: number) => value >= least, `at least ${least}`)
    expect(all).toMatchObject({
      objects: more(1),
      bytes: more(9),
      versions: more(2),
      oldVersions: more(1),
      oldVersionBytes: more(9),
    })
    expect(all.auditsLast24h).toBeGreaterThanOrEqual(2)
    const { items } = await read<Page<BucketStatistics>>(scene, '/buckets')
    expect(items).toContainEqual(expect.objectContaining({ bucket: scene.bucket, objects: more(1) }))
  })

  test('a signed URL uploads an object with its metadata, and another downloads each of its versions', async ({ scene }) => {
    const key = `${scene.prefix}transfers/by url.txt`
    const wanted = { bucket: scene.bucket, key, contentType: 'text/plain', metadata: { department: 'finance' } }
    const answer = await scene.api.ask('POST', '/uploads', {}, wanted)
    expect(answer).toMatchObject({ status: 201 })
    const upload = answer.body as Jsonify<PresignedUpload>
    const sent = await fetch(upload.url, { method: upload.method, headers: upload.headers, body: 'by a URL' })
    expect({ status: sent.status, body: await sent.text() }).toMatchObject({ status: 200 })
    const object = await eventually(
      scene,
      () => objectOf(scene, key),
      expect.objectContaining({
        size: 8,
        contentType: 'text/plain',
        metadata: { department: 'finance' },
      }),
    )
    const { versionId: second } = await put(scene, 'transfers/by url.txt', 'by the SDK')
    await eventually(scene, () => objectOf(scene, key), expect.objectContaining({ versionId: second }))
    expect(await downloaded(scene, { bucket: scene.bucket, key })).toBe('by the SDK')
    expect(await downloaded(scene, { bucket: scene.bucket, key, versionId: object?.versionId ?? '' })).toBe('by a URL')
  })

  test('keys with spaces, pluses, percent signs and any script are what they are', async ({ scene }) => {
    const names = ['a b+c.txt', '100%25 &=?#.txt', 'ü/漢字 😀.txt', 'a//b', 'quote\'"s.txt', 'folder/']
    for (const name of names) await put(scene, `awkward/${name}`, name)
    const sorted = names.map(name => `awkward/${name}`).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    await eventually(scene, () => keysBelow(scene, 'awkward/'), sorted)
    for (const name of names) {
      const key = `${scene.prefix}awkward/${name}`
      expect(await objectOf(scene, key)).toMatchObject({ key, size: Buffer.byteLength(name) })
      expect(await downloaded(scene, { bucket: scene.bucket, key })).toBe(name)
    }
  })

  test('what is malformed or not there is refused with a code', async ({ scene }) => {
    const { bucket, prefix, api } = scene
    const refusals = [
      await api.ask('GET', '/object', { bucket, key: `${prefix}never.txt` }),
      await api.ask('GET', '/objects', { bucket, cursor: 'no cursor' }),
      await api.ask('GET', '/search', { q: 'x', limit: 0 }),
    ]
    expect(refusals).toMatchObject([
      { status: 404, body: { error: { code: 'NotFound' } } },
      { status: 400, body: { error: { code: 'InvalidParameter' } } },
      { status: 400, body: { error: { code: 'InvalidParameter' } } },
    ])
  })
}

type Objects = Page<Jsonify<StoredObject>>

async function found(scene: Scene, q: string): Promise<string[]> {
  const { items } = await read<Objects>(scene, '/search', { q, bucket: scene.bucket, prefix: scene.prefix })
  return items.map(({ key }) => key)
}

async function downloaded(scene: Scene, query: Record<string, string>): Promise<string> {
  const { url } = await read<{ url: string }>(scene, '/download', query)
  const response = await fetch(url)
  const text = await response.text()
  expect({ status: response.status, text }).toMatchObject({ status: 200 })
  return text
}
