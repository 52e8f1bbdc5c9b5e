import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  DeleteObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { describe, expect, test } from 'vitest'
import { headVersion } from '../../../shared/s3/head-version.ts'
import { decodeKey } from '../../../shared/s3/key-encoding.ts'
import { fetchLatestVersion } from '../../../shared/s3/key-versions.ts'
import { makeBucket, testClient, testS3 } from '../../support/s3/bucket.ts'

const K = { bucket: 'docs', key: 'a b+c/ü%41\x01😀' }

const put = async (s3: S3Client, Key: string, facts: object = {}) =>
  (await s3.send(new PutObjectCommand({ Bucket: 'docs', Key, Body: '1234567', ...facts }))).VersionId ?? 'null'

const remove = async (s3: S3Client, Key: string, VersionId?: string) =>
  (await s3.send(new DeleteObjectCommand({ Bucket: 'docs', Key, VersionId }))).VersionId ?? 'null'

describe('headVersion', () => {
  test('returns the state of a version in S3 with its current tags', async () => {
    await using bucket = await testS3()
    await makeBucket(bucket.s3, 'docs', 'Enabled')
    const facts = { ContentType: 'text/plain', StorageClass: 'STANDARD_IA', Metadata: { Author: 'Ada' }, Tagging: 'a=1' }
    const versionId = await put(bucket.s3, K.key, facts)
    await put(bucket.s3, K.key, { ContentType: 'text/other' })
    const TagSet = [{ Key: 'b', Value: '2' }]
    await bucket.s3.send(new PutObjectTaggingCommand({ Bucket: 'docs', Key: K.key, VersionId: versionId, Tagging: { TagSet } }))
    expect(await headVersion(bucket.s3, { ...K, versionId })).toEqual({
      state: 'present',
      size: 7,
      etag: 'fcea920f7412b5da7be0cf42b8c93759',
      contentType: 'text/plain',
      lastModified: expect.any(Date),
      storageClass: 'STANDARD_IA',
      metadata: { author: 'Ada' },
      tags: { b: '2' },
    })
  })

  test('metadata and tags named __proto__, constructor and prototype are read as they are', async () => {
    await using bucket = await testS3()
    await makeBucket(bucket.s3, 'docs', 'never')
    const names = JSON.parse('{"__proto__":"a","constructor":"b","prototype":"c"}')
    await put(bucket.s3, 'k', { Metadata: names, Tagging: '__proto__=a&constructor=b&prototype=c' })
    const { metadata, tags } = await headVersion(bucket.s3, { bucket: 'docs', key: 'k', versionId: 'null' })
    expect([metadata, tags].map(record => JSON.stringify(record))).toEqual([JSON.stringify(names), JSON.stringify(names)])
  })

  test('decodes metadata that is not ASCII', async () => {
    await using bucket = await testS3()
    await makeBucket(bucket.s3, 'docs', 'never')
    const title = 'Jahresübersicht 😀 = ? _ über mehr als fünfundsiebzig Zeichen, damit es mehrere Wörter nach RFC 2047 werden'
    await put(bucket.s3, 'k', { Metadata: { title: `=?UTF-8?B?${Buffer.from(title).toString('base64')}?=` } })
    expect((await headVersion(bucket.s3, { bucket: 'docs', key: 'k', versionId: 'null' })).metadata).toEqual({ title })
  })

  test.each([
    ['=?UTF-8?B?w7xiZXI=?=', 'über'],
    ['=?utf-8?q?=C3=BCber_100%?=', 'über 100%'],
    ['=?UTF-8?Q?a?= =?UTF-8?Q?b?=', 'ab'],
    ['=?UTF-8?Q?=FF?=', '\ufffd'],
    ['=?ISO-8859-1?Q?=FC?=', '=?ISO-8859-1?Q?=FC?='],
    ['50% =? a+b', '50% =? a+b'],
  ])('reads the encoded word %s of a response as %j', async (encoded, title) => {
    const server = createServer((request, response) => {
      if (request.method === 'HEAD') response.setHeader('x-amz-meta-title', encoded)
      response.end(request.method === 'HEAD' ? undefined : '<Tagging><TagSet/></Tagging>')
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const s3 = testClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    expect((await headVersion(s3, { bucket: 'docs', key: 'k', versionId: 'v1' })).metadata).toEqual({ title })
    s3.destroy()
    await once(server.close(), 'close')
  })

  test('distinguishes a delete marker from a deleted version and an unknown one', async () => {
    await using bucket = await testS3()
    await makeBucket(bucket.s3, 'docs', 'Enabled')
    const versionId = await put(bucket.s3, 'k')
    const marker = await remove(bucket.s3, 'k')
    const head = (versionId: string, key = 'k') => headVersion(bucket.s3, { bucket: 'docs', key, versionId })
    expect(await head(marker)).toEqual({ state: 'marker', lastModified: expect.any(Date), metadata: {}, tags: {} })
    expect((await head(marker)).lastModified?.getTime()).toBeGreaterThan(Date.now() - 60_000)
    expect((await head(versionId)).state).toBe('present')
    await remove(bucket.s3, 'k', versionId)
    expect(await head(versionId)).toEqual({ state: 'gone' })
    expect(await head('null')).toEqual({ state: 'gone' })
    expect(await head('null', 'never')).toEqual({ state: 'gone' })
  })

  test('finds a delete marker when a 405 has no headers, and throws when there is none', async () => {
    await using bucket = await testS3({ fault: ({ method }) => (method === 'HEAD' ? { error: 'MethodNotAllowed' } : undefined) })
    await makeBucket(bucket.s3, 'docs', 'Enabled')
    const versionId = await put(bucket.s3, K.key)
    const marker = await remove(bucket.s3, K.key)
    await remove(bucket.s3, `${K.key}2`)
    const head = (versionId: string) => headVersion(bucket.s3, { ...K, versionId })
    expect(await head(marker)).toEqual({ state: 'marker', lastModified: expect.any(Date), metadata: {}, tags: {} })
    await expect(head(versionId)).rejects.toMatchObject({ $metadata: { httpStatusCode: 405 } })
  })

  test('a version of a bucket that does not exist was an error; it is gone, and its key has no latest version', async () => {
    await using bucket = await testS3()
    const name = { bucket: 'none', key: 'k', versionId: 'null' }
    expect(await headVersion(bucket.s3, name)).toEqual({ state: 'gone' })
    expect(await fetchLatestVersion(bucket.s3, name)).toBeNull()
  })

  test('a version or bucket that may not be read is an error, and not gone', async () => {
    await using bucket = await testS3({ fault: () => ({ error: 'AccessDenied' }) })
    const name = { bucket: 'docs', key: 'k', versionId: 'null' }
    await expect(headVersion(bucket.s3, name)).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } })
    await expect(fetchLatestVersion(bucket.s3, name)).rejects.toMatchObject({ name: 'AccessDenied' })
  })

  test('throws when the HEAD fails although the tags were read', async () => {
    await using bucket = await testS3({ fault: ({ method }) => (method === 'HEAD' ? { error: 'SlowDown' } : undefined) })
    await makeBucket(bucket.s3, 'docs', 'never')
    await put(bucket.s3, 'k')
    const head = headVersion(bucket.s3, { bucket: 'docs', key: 'k', versionId: 'null' })
    await expect(head).rejects.toMatchObject({ $metadata: { httpStatusCode: 503 } })
  })
})

describe('fetchLatestVersion', () => {
  test('returns the version that a GET would, delete markers included', async () => {
    await using bucket = await testS3()
    await makeBucket(bucket.s3, 'docs', 'Enabled')
    const first = await put(bucket.s3, K.key)
    const second = await put(bucket.s3, K.key)
    expect(await fetchLatestVersion(bucket.s3, K)).toMatchObject({ versionId: second })
    const marker = await remove(bucket.s3, K.key)
    expect(await fetchLatestVersion(bucket.s3, K)).toMatchObject({ versionId: marker })
    for (const versionId of [marker, second]) await remove(bucket.s3, K.key, versionId)
    expect(await fetchLatestVersion(bucket.s3, K)).toMatchObject({ versionId: first })
    await remove(bucket.s3, K.key, first)
    expect(await fetchLatestVersion(bucket.s3, K)).toBeNull()
  })

  test('a key that is only a prefix of another has no version', async () => {
    await using bucket = await testS3()
    await makeBucket(bucket.s3, 'docs', 'Enabled')
    await put(bucket.s3, 'invoice.pdf')
    expect(await fetchLatestVersion(bucket.s3, { bucket: 'docs', key: 'invoice' })).toBeNull()
  })

  test('the version of an unversioned bucket, and of one that was suspended, is null', async () => {
    await using bucket = await testS3()
    await makeBucket(bucket.s3, 'docs', 'never')
    await put(bucket.s3, 'k')
    expect(await fetchLatestVersion(bucket.s3, { bucket: 'docs', key: 'k' })).toMatchObject({ versionId: 'null' })
    const versioning = (Status: 'Enabled' | 'Suspended') =>
      bucket.s3.send(new PutBucketVersioningCommand({ Bucket: 'docs', VersioningConfiguration: { Status } }))
    await versioning('Enabled')
    const versionId = await put(bucket.s3, 'k')
    expect(await fetchLatestVersion(bucket.s3, { bucket: 'docs', key: 'k' })).toMatchObject({ versionId: versionId })
    await versioning('Suspended')
    await remove(bucket.s3, 'k')
    expect(await fetchLatestVersion(bucket.s3, { bucket: 'docs', key: 'k' })).toMatchObject({ versionId: 'null' })
  })
})

test('a listed key is decoded as a form', () => {
  expect(decodeKey('a+b%2Bc%2541%C3%BC%00')).toBe('a b+c%41ü\0')
})
