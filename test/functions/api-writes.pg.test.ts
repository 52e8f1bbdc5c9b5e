import { PutObjectCommand, PutObjectTaggingCommand } from '@aws-sdk/client-s3'
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import type { Client } from '../../shared/database/connection.ts'
import { deliver, drift, driftIn, expectEqual, put, remove, run } from '../shared/reconcile/stage.ts'
import { currentOf, makeBucket, type TestS3, versionsInBucket } from '../support/s3/bucket.ts'
import type { Ask, Fields } from './api-client.ts'
import { apiStageTest as test } from './api-stage.ts'

const K = { key: 'k' }

/** A reconcile that asks S3 about every version: what it repairs was undone. */
async function reconcileFinds(sql: Client, bucket: TestS3, name = 'docs') {
  return driftIn(await run(sql, bucket, { bucket: name }, { sampleRate: 1 }))
}

async function entriesOf(ask: Ask, query: Record<string, string> = {}): Promise<Fields[]> {
  return (await ask('GET', '/audit', { query: { ...K, ...query } })).items
}

describe('tags that PATCH /version sets are reset by the next reconcile', () => {
  test('they are written to S3, and visible at once', async ({ ask, bucket, sql }) => {
    const versionId = await put(bucket, 'k')
    await deliver(sql, bucket)
    const query = { ...K, versionId }
    const patched = await ask('PATCH', '/version', { query, body: { tags: { state: 'signed' }, comment: 'as signed' } })
    expect(patched).toMatchObject({ status: 200, json: { tags: { state: 'signed' }, comment: 'as signed' } })
    expect(await ask('GET', '/object', { query: K })).toMatchObject({ json: { tags: { state: 'signed' } } })
    await expectEqual(sql, bucket)
    expect(await reconcileFinds(sql, bucket)).toEqual(drift({}))
    await deliver(sql, bucket)
    await expectEqual(sql, bucket)
    const cleared = await ask('PATCH', '/version', { query, body: { tags: {} } })
    expect(cleared).toMatchObject({ status: 200, json: { tags: {}, comment: 'as signed' } })
    expect(await reconcileFinds(sql, bucket)).toEqual(drift({}))
  })

  test.for(['plain', 'suspended'])('also in the bucket %s, where versions have no id', async (name, { ask, bucket, sql }) => {
    await put(bucket, 'k', 'x', name)
    await deliver(sql, bucket)
    const query = { ...K, bucket: name, versionId: 'null' }
    expect((await ask('PATCH', '/version', { query, body: { tags: { a: 'b' } } })).status).toBe(200)
    await expectEqual(sql, bucket, name)
    expect(await reconcileFinds(sql, bucket, name)).toEqual(drift({}))
  })

  test.for<[string, Fields, number, RegExp]>([
    ['an old version', { tags: { a: 'b' } }, 200, /^/],
    ['eleven tags', { tags: Object.fromEntries([...'abcdefghijk'].map(name => [name, ''])) }, 400, /^S3 refuses it: BadRequest/],
    ['a tag of AWS', { tags: { 'aws:a': 'b' } }, 400, /^S3 refuses it: InvalidTag: System tags/],
  ])('S3 decides about %s', async ([, body, status, message], { ask, bucket, sql }) => {
    const versionId = await put(bucket, 'k')
    await put(bucket, 'k', 'newer')
    await deliver(sql, bucket)
    const answer = await ask('PATCH', '/version', { query: { ...K, versionId }, body })
    expect([answer.status, answer.error.message ?? '']).toEqual([status, expect.stringMatching(message)])
    await expectEqual(sql, bucket)
    const [entry] = await entriesOf(ask)
    expect(entry).toMatchObject({ action: 'TAG', source: 'api', success: status === 200, userId: 'ann' })
    expect(entry?.errorMessage ?? '').toMatch(message)
  })

  test('a version that S3 no longer has is not found, and nothing of the request is kept', async ({ ask, bucket, sql }) => {
    const versionId = await put(bucket, 'k')
    await deliver(sql, bucket)
    await remove(bucket, 'k', versionId)
    const body = { tags: { a: 'b' }, comment: 'x' }
    expect((await ask('PATCH', '/version', { query: { ...K, versionId }, body })).status).toBe(404)
    expect((await ask('GET', '/versions', { query: K })).items).toMatchObject([{ comment: null, tags: {} }])
    await deliver(sql, bucket)
    await expectEqual(sql, bucket)
  })

  test('a delete marker has no tags', async ({ ask, bucket, sql }) => {
    await put(bucket, 'k')
    await remove(bucket, 'k')
    await deliver(sql, bucket)
    const versionId = String((await ask('GET', '/versions', { query: K })).items[0]?.versionId)
    expect((await ask('PATCH', '/version', { query: { ...K, versionId }, body: { tags: {} } })).status).toBe(409)
  })
})

describe('DELETE /object of an object in S3 is undone by the next reconcile', () => {
  test.for(['docs', 'plain', 'suspended'])('it is deleted in the bucket %s', async (name, { ask, bucket, sql }) => {
    await put(bucket, 'k', 'one', name)
    await put(bucket, 'k', 'two', name)
    await deliver(sql, bucket)
    expect((await ask('DELETE', '/object', { query: { ...K, bucket: name } })).status).toBe(204)
    expect((await ask('GET', '/object', { query: { ...K, bucket: name } })).status).toBe(404)
    await expectEqual(sql, bucket, name)
    expect(await reconcileFinds(sql, bucket, name)).toEqual(drift({}))
    await deliver(sql, bucket)
    await expectEqual(sql, bucket, name)
    expect((await ask('DELETE', '/object', { query: { ...K, bucket: name } })).status).toBe(404)
  })

  test('an object that was written again meanwhile is not deleted by the answer', async ({ ask, bucket, sql }) => {
    await put(bucket, 'k')
    await deliver(sql, bucket)
    await ask('DELETE', '/object', { query: K })
    await put(bucket, 'k', 'again')
    await deliver(sql, bucket)
    await expectEqual(sql, bucket)
    expect((await ask('GET', '/object', { query: K })).status).toBe(200)
  })
})

describe('a write through the API is audited twice, once as its event', () => {
  test.for(['docs', 'plain', 'suspended'])('in the bucket %s', async (name, { ask, bucket, sql }) => {
    const query = { ...K, bucket: name }
    await put(bucket, 'k', 'x', name)
    await deliver(sql, bucket)
    const versionId = String(
      (await ask('GET', '/object', { query })).json && ((await ask('GET', '/object', { query })).json as Fields).versionId,
    )
    await ask('PATCH', '/version', { query: { ...query, versionId }, body: { tags: { a: 'b' } } })
    await ask('DELETE', '/object', { query })
    await deliver(sql, bucket)
    const entries = await entriesOf(ask, { bucket: name })
    expect(entries.map(({ action, source, userId }) => [action, source, userId])).toEqual([
      ['DELETE', 'api', 'ann'],
      ['TAG', 'api', 'ann'],
      ['UPLOAD', 'event', expect.stringMatching(/tester/)],
    ])
    expect(entries[1]).toMatchObject({ metadata: { before: { tags: {} }, after: { tags: { a: 'b' } } } })
  })

  test('another tagging of the same version is another entry', async ({ ask, bucket, sql }) => {
    const versionId = await put(bucket, 'k')
    await deliver(sql, bucket)
    await ask('PATCH', '/version', { query: { ...K, versionId }, body: { tags: { a: 'b' } } })
    const Tagging = { TagSet: [{ Key: 'c', Value: 'd' }] }
    await bucket.s3.send(new PutObjectTaggingCommand({ Bucket: 'docs', Key: 'k', Tagging }))
    await deliver(sql, bucket)
    const entries = await entriesOf(ask, { action: 'TAG' })
    expect(entries.map(({ source }) => source)).toEqual(['event', 'api'])
  })
})

describe('what the catalog owns of a version in S3 is undone', () => {
  test('by an event that comes again, or by a reconcile', async ({ ask, bucket, sql }) => {
    const versionId = await put(bucket, 'k')
    const [event = ''] = bucket.events
    await deliver(sql, bucket)
    await ask('PATCH', '/version', { query: { ...K, versionId }, body: { comment: 'as signed', createdBy: 'ben' } })
    bucket.events.push(event)
    await deliver(sql, bucket)
    await reconcileFinds(sql, bucket)
    const [version] = (await ask('GET', '/versions', { query: K })).items
    expect(version).toMatchObject({ comment: 'as signed', createdBy: 'ben', claimedBy: 'ann' })
  })

  test('but an author stays with the content, where a version without an id is written again', async ({ ask, bucket, sql }) => {
    await put(bucket, 'k', 'one', 'plain')
    await deliver(sql, bucket)
    const query = { ...K, bucket: 'plain', versionId: 'null' }
    await ask('PATCH', '/version', { query, body: { createdBy: 'ben' } })
    await put(bucket, 'k', 'two', 'plain')
    await deliver(sql, bucket)
    const [version] = (await ask('GET', '/versions', { query: { ...K, bucket: 'plain' } })).items
    expect(version).toMatchObject({ createdBy: expect.stringMatching(/tester/), claimedBy: null })
  })
})

describe('other backends', () => {
  const tape = { size: 1, storageBackend: 'tape' }

  test('what is recorded of them in a bucket of S3 is not undone by a reconcile', async ({ ask, bucket, sql }) => {
    await put(bucket, 'a')
    await deliver(sql, bucket)
    await ask('PUT', '/object', { query: K, body: { ...tape, tags: { a: 'b' } } })
    await ask('PATCH', '/version', { query: { ...K, versionId: 'null' }, body: { tags: { c: 'd' } } })
    expect(await reconcileFinds(sql, bucket)).toEqual(drift({}))
    expect(await ask('GET', '/object', { query: K })).toMatchObject({ json: { storageBackend: 'tape', tags: { c: 'd' } } })
    await ask('DELETE', '/object', { query: K })
    expect((await ask('GET', '/object', { query: K })).status).toBe(404)
  })

  test('a key that is in S3 cannot be recorded for them', async ({ ask, bucket, sql }) => {
    await put(bucket, 'k')
    await deliver(sql, bucket)
    const answers = [
      await ask('PUT', '/object', { query: K, body: tape }),
      await ask('POST', '/versions', { body: { ...K, ...tape, versionId: '1' } }),
    ]
    expect(answers.map(({ status, error }) => [status, error.message])).toEqual(
      answers.map(() => [409, 'k in bucket docs is in S3, which owns it']),
    )
    await expectEqual(sql, bucket)
  })
})

describe('what was recorded by mistake cannot be taken back wholly', () => {
  const version = (versionId: string, more: object = {}) => ({
    body: { ...K, bucket: 'tapes', versionId, size: 1, storageBackend: 'tape', lastModified: `2026-01-0${versionId}`, ...more },
  })

  test('one version, of which the one before becomes the latest again', async ({ ask }) => {
    for (const id of ['1', '2', '3']) await ask('POST', '/versions', version(id))
    const forgotten = await ask('DELETE', '/versions', { query: { ...K, bucket: 'tapes', versionId: '3' } })
    expect(forgotten).toMatchObject({ status: 200, json: { removed: 1, remaining: false } })
    expect((await ask('GET', '/object', { query: { ...K, bucket: 'tapes' } })).json).toMatchObject({ versionId: '2' })
    await ask('DELETE', '/versions', { query: { ...K, bucket: 'tapes', versionId: '1' } })
    expect((await ask('GET', '/versions', { query: { ...K, bucket: 'tapes' } })).items).toMatchObject([{ versionId: '2' }])
    const [entry] = await entriesOf(ask, { bucket: 'tapes' })
    expect(entry).toMatchObject({ action: 'FORGET', versionId: '1', userId: 'ann', source: 'api', metadata: { removed: 1 } })
  })

  test('a key, which can be recorded again, and a whole container', async ({ ask, sql }) => {
    for (const id of ['1', '2']) await ask('POST', '/versions', version(id))
    await ask('POST', '/versions', version('1', { key: 'other' }))
    expect((await ask('DELETE', '/versions', { query: { ...K, bucket: 'tapes' } })).json).toEqual({
      removed: 2,
      remaining: false,
    })
    await ask('POST', '/versions', version('2'))
    expect((await ask('GET', '/object', { query: { ...K, bucket: 'tapes' } })).status).toBe(200)
    const all = await ask('DELETE', '/versions', { query: { bucket: 'tapes', all: 'true' } })
    expect(all.json).toEqual({ removed: 2, remaining: false })
    expect((await ask('GET', '/buckets')).items).toEqual([])
    expect([...(await sql`select from catalog.storage_versions`), ...(await sql`select from catalog.storage_objects`)]).toEqual(
      [],
    )
    expect((await ask('DELETE', '/versions', { query: { bucket: 'tapes', all: 'true' } })).status).toBe(404)
  })

  test('versions that S3 has are not taken back', async ({ ask, bucket, sql }) => {
    const kept = await put(bucket, 'k')
    await remove(bucket, 'k')
    await deliver(sql, bucket)
    for (const query of [K, { ...K, versionId: kept }, { bucket: 'docs', all: 'true' }]) {
      const { status, error } = await ask('DELETE', '/versions', { query })
      expect([status, error.message]).toEqual([
        409,
        expect.stringMatching(/^S3 has version .* of k in bucket docs: delete it there$/),
      ])
    }
    await expectEqual(sql, bucket)
  })

  test('versions that S3 lost, and those of a bucket that is gone, are', async ({ ask, bucket, sql }) => {
    const versionId = await put(bucket, 'k')
    const [event = ''] = bucket.events
    await deliver(sql, bucket)
    await remove(bucket, 'k', versionId)
    bucket.events.length = 0
    expect((await ask('DELETE', '/versions', { query: K })).json).toEqual({ removed: 1, remaining: false })
    bucket.events.push(event)
    await deliver(sql, bucket)
    await expectEqual(sql, bucket)
    await sql`insert into catalog.storage_versions (bucket, key, size, last_modified, is_latest) values ('UPPER_bad/', 'a', 1, now(), true), ('UPPER_bad/', 'b', 1, now(), true)`
    const gone = await ask('DELETE', '/versions', { query: { bucket: 'UPPER_bad/', all: 'true' } })
    expect(gone).toMatchObject({ status: 200, json: { removed: 2 } })
    expect((await ask('GET', '/buckets')).items).toEqual([])
  })

  test.for<[Record<string, string>, string]>([
    [{}, 'key is required, or all=true with a bucket'],
    [{ all: 'true' }, 'all needs a bucket, and no key and version'],
    [{ all: 'true', bucket: 'b', key: 'k' }, 'all needs a bucket, and no key and version'],
  ])('%j is refused', async ([query, message], { ask }) => {
    const { status, error } = await ask('DELETE', '/versions', { query })
    expect([status, error.message]).toEqual([400, message])
  })
})

describe('a wrong bucket name is recorded', () => {
  const wrong = ['UPPER_bad/', 'a\nb', 'tab\t', ' space', 'space ', 'a\\b', '\u202eabc', '']
  test.for(wrong)('%j', async (name, { ask }) => {
    const answers = [
      await ask('PUT', '/object', { query: { ...K, bucket: name }, body: { size: 1, storageBackend: 'tape' } }),
      await ask('POST', '/versions', { body: { ...K, bucket: name, versionId: '1', storageBackend: 'tape' } }),
      await ask('POST', '/audit', { body: { action: 'A', ...K, bucket: name } }),
      await ask('POST', '/uploads', { body: { ...K, bucket: name } }),
      await ask('POST', '/reconciles', { body: { bucket: name } }),
    ]
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 400))
    expect(answers[0]?.error.message).toMatch(/^bucket must not /)
  })

  test.for(['UPPER', 'un_derscore', 'ab', 'a..b', '192.168.1.1', 'xn--a', 'a-s3alias', 'a'.repeat(64), '-ab'])(
    'of S3: %s',
    async (name, { ask }) => {
      const { status, error } = await ask('POST', '/uploads', { body: { ...K, bucket: name } })
      expect([status, error.message]).toEqual([400, expect.stringMatching(/^bucket must be the name of an S3 bucket/)])
    },
  )

  test.for(['LTO-7 0001', 'Bänder', 'a.b_c', '日本'])('%s is a container of another backend', async (name, { ask }) => {
    const body = { size: 1, storageBackend: 'tape' }
    expect((await ask('PUT', '/object', { query: { ...K, bucket: name }, body })).status).toBe(200)
  })
})

test('two changes of one key at once are both kept', async ({ ask, bucket, sql }) => {
  const { VersionId = '' } = await bucket.s3.send(new PutObjectCommand({ Bucket: 'docs', Key: 'k', Body: 'x' }))
  await deliver(sql, bucket)
  const query = { ...K, versionId: VersionId }
  const bodies = ['a', 'b', 'c', 'd', 'e', 'f'].map(name => ({ tags: { [name]: name }, ...(name === 'c' && { comment: name }) }))
  const answers = await Promise.all(bodies.map(body => ask('PATCH', '/version', { query, body })))
  expect(answers.map(({ status }) => status)).toEqual(bodies.map(() => 200))
  await expectEqual(sql, bucket)
  const tags = (await entriesOf(ask, { action: 'TAG' }))
    .reverse()
    .map(({ metadata }) => metadata as { before: Fields; after: Fields })
  for (const [n, { before }] of tags.entries()) if (n > 0) expect(before).toEqual(tags[n - 1]?.after)
})

/** Histories to try. */
const HISTORIES = Number(process.env.CATALOG_HISTORIES ?? 8)

/** What may happen to one of two keys of a bucket: in S3, through the API, and to the events of both. */
const step = fc.record({
  key: fc.constantFrom('a', 'b'),
  what: fc.constantFrom('put', 'remove', 'tag in S3', 'PATCH', 'DELETE', 'deliver', 'repeat', 'lose', 'reconcile'),
})

test('after any history of writes in S3 and through the API, one reconcile makes the catalog equal, and undoes none', {
  timeout: 30_000 + HISTORIES * 500,
}, async ({ ask, bucket, sql }) => {
  let histories = 0
  const property = fc.asyncProperty(
    fc.constantFrom('Enabled', 'Suspended', 'never'),
    fc.array(step, { minLength: 3, maxLength: 14 }),
    async (versioning, steps) => {
      const name = `history-${histories++}`
      await makeBucket(bucket.s3, name, versioning as 'Enabled')
      bucket.events.length = 0
      const told: string[] = []
      for (const [n, { key, what }] of steps.entries()) {
        const query = { bucket: name, key }
        if (what === 'put') await put(bucket, key, `${n}`, name)
        if (what === 'remove') await remove(bucket, key, undefined, name)
        if (what === 'tag in S3') await tag(bucket, name, key, `${n}`)
        if (what === 'deliver') told.push(...bucket.events)
        if (what === 'deliver') await deliver(sql, bucket)
        if (what === 'repeat') bucket.events.push(...told)
        if (what === 'lose') bucket.events.length = 0
        if (what === 'reconcile') await reconcileFinds(sql, bucket, name)
        if (what === 'PATCH') {
          const latest = (await ask('GET', '/versions', { query })).items.find(({ isLatest }) => isLatest)
          const tags = { n: `${n}` }
          const change = { query: { ...query, versionId: String(latest?.versionId) }, body: { tags, comment: `${n}` } }
          const { status, json } = await ask('PATCH', '/version', change)
          expect(status).toBeOneOf([200, 404, 409])
          if (status === 200) expect(json).toMatchObject({ tags, comment: `${n}` })
          if (status === 200)
            expect((await inS3(bucket, name, key)).find(one => one.versionId === latest?.versionId)).toMatchObject({ tags })
        }
        if (what === 'DELETE') {
          const { status } = await ask('DELETE', '/object', { query })
          expect(status).toBeOneOf([204, 404])
          expect((await ask('GET', '/object', { query })).status).toBe(404)
          if (status === 204) expect(currentOf(await inS3(bucket, name, key))).toEqual([])
        }
      }
      await reconcileFinds(sql, bucket, name)
      await expectEqual(sql, bucket, name)
      bucket.events.push(...told)
      await deliver(sql, bucket)
      await expectEqual(sql, bucket, name)
      const entries = (await ask('GET', '/audit', { query: { bucket: name, limit: '1000' } })).items
      const requests = entries.flatMap(({ metadata }) => Object(metadata).s3RequestId ?? Object(metadata).requestId ?? [])
      expect(requests).toHaveLength(new Set(requests).size)
    },
  )
  await fc.assert(property, { numRuns: HISTORIES, seed: 1 })
})

async function inS3({ s3 }: TestS3, name: string, key: string) {
  return (await versionsInBucket(s3, name)).filter(version => version.key === key)
}

async function tag({ s3 }: TestS3, Bucket: string, Key: string, Value: string): Promise<void> {
  const command = new PutObjectTaggingCommand({ Bucket, Key, Tagging: { TagSet: [{ Key: 'n', Value }] } })
  await s3.send(command).catch(() => undefined)
}
