import {
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { describe, expect } from 'vitest'
import { failure, s3Test } from '../endpoint.ts'

const keys = [
  'plain.txt',
  'a//b',
  '/leading',
  '//',
  '..',
  '../up',
  'a/../b',
  'a/./b',
  'folder/',
  'space in name',
  ' leading and trailing ',
  'plus+sign',
  '%41',
  '%2F',
  '100%',
  '%zz',
  'a&b=c?d#e;f',
  'quote"s\'<tag>&amp;',
  "!'()*~-_.",
  '$@:,=[]{}|\\^`',
  'tab\tkey',
  'line\nfeed',
  'return\rkey',
  'control\u0001\u001f\u007f',
  'next-line\u0085 separator\u2028',
  'ümlaut',
  'u\u0308mlaut',
  '日本語/ファイル.txt',
  'emoji 🗂️ 👩‍💻',
  '\u{10ffff}',
  'x'.repeat(1024),
  'é'.repeat(512),
]
const bucket = { Bucket: 'versioned' }

describe('keys', () => {
  s3Test('every operation returns every legal key unchanged', async ({ s3 }) => {
    const { client } = s3
    for (const Key of keys) await client.send(new PutObjectCommand({ ...bucket, Key, Body: Key }))
    for (const Key of keys) {
      const { Body } = await client.send(new GetObjectCommand({ ...bucket, Key }))
      expect(await Body?.transformToString()).toBe(Key)
      const { ContentLength } = await client.send(new HeadObjectCommand({ ...bucket, Key }))
      expect(ContentLength).toBe(Buffer.byteLength(Key))
      await client.send(
        new PutObjectTaggingCommand({ ...bucket, Key, Tagging: { TagSet: [{ Key: 'length', Value: `${Key.length}` }] } }),
      )
      const { TagSet } = await client.send(new GetObjectTaggingCommand({ ...bucket, Key }))
      expect(TagSet).toEqual([{ Key: 'length', Value: `${Key.length}` }])
      const source = `versioned/${encodeURIComponent(Key)}`
      await client.send(new CopyObjectCommand({ Bucket: 'plain', Key, CopySource: source }))
    }

    const inOrder = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    const decode = (key: string | undefined) => decodeURIComponent((key ?? '').replaceAll('+', ' '))
    const listed = { ...bucket, EncodingType: 'url' as const }
    const { Contents } = await client.send(new ListObjectsV2Command(listed))
    expect(Contents?.map(object => decode(object.Key))).toEqual(inOrder)
    const first = await client.send(new ListObjectsCommand({ ...listed, Bucket: 'plain' }))
    expect(first.Contents?.map(object => decode(object.Key))).toEqual(inOrder)
    const { Versions } = await client.send(new ListObjectVersionsCommand(listed))
    expect(Versions?.map(version => decode(version.Key))).toEqual(inOrder)

    const created = s3.events().filter(event => event.eventName === 'ObjectCreated:Put')
    expect(created.map(event => decode(event.s3.object.key))).toEqual(keys)

    const Delete = { Objects: keys.map(Key => ({ Key })) }
    const { Deleted, Errors } = await client.send(new DeleteObjectsCommand({ Bucket: 'plain', Delete }))
    expect([Deleted?.map(object => object.Key), Errors]).toEqual([keys, undefined])
    expect((await client.send(new ListObjectsV2Command({ Bucket: 'plain' }))).Contents).toBeUndefined()
  })

  s3Test('a presigned URL reaches exactly its key', async ({ s3 }) => {
    // fetch resolves dots in a path before it sends the request.
    for (const Key of keys.filter(key => !/(^|\/)\.\.?(\/|$)/.test(key))) {
      const put = await getSignedUrl(s3.client, new PutObjectCommand({ ...bucket, Key }))
      expect((await fetch(put, { method: 'PUT', body: `of ${Key}` })).status).toBe(200)
      const get = await getSignedUrl(s3.client, new GetObjectCommand({ ...bucket, Key }))
      expect(await (await fetch(get)).text()).toBe(`of ${Key}`)
    }
  })

  s3Test('a listing without encoding-type returns every key that XML can represent', async ({ s3 }) => {
    const Key = 'quote"s\'<tag>&amp; ümlaut 🗂️ %41 +'
    await s3.client.send(new PutObjectCommand({ ...bucket, Key, Body: '.' }))
    const { Contents } = await s3.client.send(new ListObjectsV2Command(bucket))
    expect(Contents?.map(object => object.Key)).toEqual([Key])
  })

  s3Test('a key of more than 1,024 bytes is KeyTooLongError, even with fewer characters', async ({ s3 }) => {
    const put = (Key: string) => s3.client.send(new PutObjectCommand({ ...bucket, Key, Body: '.' }))
    expect(await failure(put('x'.repeat(1025)))).toEqual(['KeyTooLongError', 400])
    expect(await failure(put('é'.repeat(513)))).toEqual(['KeyTooLongError', 400])
  })
})
