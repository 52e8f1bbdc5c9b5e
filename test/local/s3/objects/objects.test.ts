import {
  CopyObjectCommand,
  DeleteObjectTaggingCommand,
  GetObjectAclCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutObjectAclCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectTaggingCommand,
} from '@aws-sdk/client-s3'
import { describe, expect } from 'vitest'
import { expireCurrent } from '../../../../local/s3/store/lifecycle.ts'
import { failure, history, s3Test, signedHeaders } from '../endpoint.ts'

const target = { Bucket: 'versioned', Key: 'k' }

describe('an object', () => {
  s3Test('is returned with its headers and metadata', async ({ s3: { client } }) => {
    const given = {
      ContentType: 'text/plain; charset=utf-8',
      ContentEncoding: 'gzip',
      ContentDisposition: 'attachment; filename="a b.txt"',
      ContentLanguage: 'de',
      CacheControl: 'max-age=60',
      StorageClass: 'STANDARD_IA' as const,
      Metadata: { 'some-name': 'some value', empty: '' },
    }
    await client.send(new PutObjectCommand({ ...target, ...given, Body: 'hello', Tagging: 'a=1&b=2' }))
    const head = await client.send(new HeadObjectCommand(target))
    expect(head).toMatchObject({
      ...given,
      ContentLength: 5,
      TagCount: 2,
      AcceptRanges: 'bytes',
      ETag: '"5d41402abc4b2a76b9719d911017c592"',
    })
    expect(head.LastModified?.getTime()).toBeLessThanOrEqual(Date.now())
  })

  s3Test('without a content type is binary/octet-stream', async ({ s3: { client, url } }) => {
    await fetch(`${url}/versioned/k`, { method: 'PUT', headers: signedHeaders(), body: Buffer.from('x') })
    expect((await client.send(new HeadObjectCommand(target))).ContentType).toBe('binary/octet-stream')
  })

  s3Test('keeps metadata that is not ASCII and returns it as RFC 2047 words', async ({ s3: { client, url } }) => {
    const put = async (value: string) => {
      await fetch(`${url}/versioned/k`, { method: 'PUT', headers: { ...signedHeaders(), 'x-amz-meta-name': value }, body: 'x' })
      return (await client.send(new HeadObjectCommand(target))).Metadata
    }
    expect(await put('=?UTF-8?B?w4RyZ2Vy?=')).toEqual({ name: '=?UTF-8?B?w4RyZ2Vy?=' })
    expect(await put('=?utf-8?q?=C3=84rger_x?=')).toEqual({ name: '=?UTF-8?B?w4RyZ2VyIHg=?=' })
    // Bytes in the header are taken for ISO-8859-1: S3 user guide, "User-defined object metadata".
    expect(await put('\u00c4')).toEqual({ name: '=?UTF-8?B?w4Q=?=' })
    expect(await put('=?UTF-8?Q?plain?=')).toEqual({ name: 'plain' })
  })

  s3Test('has at most 2 KB of metadata', async ({ s3: { client } }) => {
    const put = (length: number) =>
      client.send(new PutObjectCommand({ ...target, Body: 'x', Metadata: { name: 'v'.repeat(length) } }))
    await put(2044)
    expect(await failure(put(2045))).toEqual(['MetadataTooLarge', 400])
  })

  s3Test('is read by the ranges that S3 supports', async ({ s3: { client } }) => {
    await client.send(new PutObjectCommand({ ...target, Body: '0123456789' }))
    const read = async (Range: string) => {
      const { Body, ContentRange, $metadata } = await client.send(new GetObjectCommand({ ...target, Range }))
      return [$metadata.httpStatusCode, await Body?.transformToString(), ContentRange]
    }
    expect(await read('bytes=2-4')).toEqual([206, '234', 'bytes 2-4/10'])
    expect(await read('bytes=7-')).toEqual([206, '789', 'bytes 7-9/10'])
    expect(await read('bytes=-3')).toEqual([206, '789', 'bytes 7-9/10'])
    expect(await read('bytes=-30')).toEqual([206, '0123456789', 'bytes 0-9/10'])
    expect(await read('bytes=8-100')).toEqual([206, '89', 'bytes 8-9/10'])
    for (const ignored of ['bytes=5-2', 'bytes=1-2,4-5', 'lines=1-2', 'bytes=-']) {
      expect(await read(ignored)).toEqual([200, '0123456789', undefined])
    }
    for (const beyond of ['bytes=10-', 'bytes=10-20', 'bytes=-0'])
      expect(await failure(read(beyond))).toEqual(['InvalidRange', 416])
  })

  s3Test('is read under conditions as RFC 9110 ranks them', async ({ s3: { client } }) => {
    const { ETag } = await client.send(new PutObjectCommand({ ...target, Body: 'x' }))
    const past = new Date(Date.now() - 60_000)
    const future = new Date(Date.now() + 60_000)
    const status = async (conditions: object) => {
      try {
        return (await client.send(new GetObjectCommand({ ...target, ...conditions }))).$metadata.httpStatusCode
      } catch (error) {
        return (error as { $metadata: { httpStatusCode: number } }).$metadata.httpStatusCode
      }
    }
    expect(await status({ IfMatch: ETag })).toBe(200)
    expect(await status({ IfMatch: ETag?.replaceAll('"', '') })).toBe(200)
    expect(await status({ IfMatch: '"other"' })).toBe(412)
    expect(await status({ IfNoneMatch: ETag })).toBe(304)
    expect(await status({ IfNoneMatch: '"other"' })).toBe(200)
    expect(await status({ IfModifiedSince: future })).toBe(304)
    expect(await status({ IfModifiedSince: past })).toBe(200)
    expect(await status({ IfUnmodifiedSince: past })).toBe(412)
    expect(await status({ IfUnmodifiedSince: future })).toBe(200)
    expect(await status({ IfMatch: ETag, IfUnmodifiedSince: past })).toBe(200)
    expect(await status({ IfNoneMatch: '"other"', IfModifiedSince: future })).toBe(200)
  })

  s3Test('is returned with the response headers that the request overrides', async ({ s3: { client, url } }) => {
    await client.send(new PutObjectCommand({ ...target, Body: 'x', ContentType: 'text/plain' }))
    const read = await client.send(
      new GetObjectCommand({
        ...target,
        ResponseContentType: 'text/html',
        ResponseContentDisposition: 'inline; filename="ü.txt"',
      }),
    )
    expect([read.ContentType, Buffer.from(read.ContentDisposition ?? '', 'latin1').toString()]).toEqual([
      'text/html',
      'inline; filename="ü.txt"',
    ])
    const split = await fetch(`${url}/versioned/k?response-content-type=a%0d%0ab`, { headers: signedHeaders() })
    expect(split.status).toBe(400)
  })

  s3Test('is rejected with attributes that are not implemented', async ({ s3: { client } }) => {
    const put = (more: Partial<PutObjectCommandInput>) =>
      failure(client.send(new PutObjectCommand({ ...target, Body: 'x', ...more })))
    expect(await put({ ServerSideEncryption: 'aws:kms' })).toEqual(['NotImplemented', 501])
    expect(await put({ ACL: 'public-read' })).toEqual(['AccessControlListNotSupported', 400])
    expect(await put({ GrantRead: 'id="x"' })).toEqual(['AccessControlListNotSupported', 400])
    expect(await put({ SSEKMSKeyId: 'x' })).toEqual(['NotImplemented', 501])
    expect(await put({ WebsiteRedirectLocation: '/x' })).toEqual(['NotImplemented', 501])
    expect(await put({ ObjectLockLegalHoldStatus: 'ON' })).toEqual(['InvalidRequest', 400])
    expect(await put({ StorageClass: 'OUTPOSTS' })).toEqual(['InvalidStorageClass', 400])
  })

  s3Test('has the private ACL', async ({ s3 }) => {
    await s3.client.send(new PutObjectCommand({ ...target, Body: 'x' }))
    const { Grants, Owner } = await s3.client.send(new GetObjectAclCommand(target))
    expect(Grants).toEqual([{ Grantee: { Type: 'CanonicalUser', ...Owner }, Permission: 'FULL_CONTROL' }])
    await s3.client.send(new PutObjectAclCommand({ ...target, AccessControlPolicy: { Grants, Owner } }))
    await s3.client.send(new PutObjectAclCommand({ ...target, ACL: 'private' }))
    expect(await failure(s3.client.send(new PutObjectAclCommand({ ...target, ACL: 'public-read' })))).toEqual([
      'AccessControlListNotSupported',
      400,
    ])
    expect(s3.events().map(event => event.eventName)).toEqual(['ObjectCreated:Put', 'ObjectAcl:Put', 'ObjectAcl:Put'])
  })
})

describe('a copy', () => {
  s3Test('copies headers, metadata and tags, or replaces them', async ({ s3: { client } }) => {
    const source = { ContentType: 'text/plain', Metadata: { a: '1' } }
    await client.send(new PutObjectCommand({ ...target, ...source, Body: 'hello', Tagging: 'x=1' }))
    const copied = async (more: object) => {
      const Key = 'copy'
      await client.send(new CopyObjectCommand({ Bucket: 'plain', Key, CopySource: 'versioned/k', ...more }))
      const { ContentType, Metadata, StorageClass } = await client.send(new HeadObjectCommand({ Bucket: 'plain', Key }))
      const { TagSet } = await client.send(new GetObjectTaggingCommand({ Bucket: 'plain', Key }))
      return { ContentType, Metadata, StorageClass, tags: TagSet?.map(tag => `${tag.Key}=${tag.Value}`) }
    }
    expect(await copied({})).toEqual({ ...source, StorageClass: undefined, tags: ['x=1'] })
    const replaced = { ContentType: 'text/html', Metadata: { b: '2' } }
    expect(await copied({ ...replaced, MetadataDirective: 'REPLACE', StorageClass: 'GLACIER_IR' })).toEqual({
      ...replaced,
      StorageClass: 'GLACIER_IR',
      tags: ['x=1'],
    })
    expect(await copied({ Tagging: 'y=2', TaggingDirective: 'REPLACE' })).toMatchObject({ ...source, tags: ['y=2'] })
  })

  s3Test('of an older version makes its content the latest', async ({ s3: { client } }) => {
    const { VersionId: one } = await client.send(new PutObjectCommand({ ...target, Body: '1' }))
    const { VersionId: two } = await client.send(new PutObjectCommand({ ...target, Body: '2' }))
    const copy = await client.send(new CopyObjectCommand({ ...target, CopySource: `versioned/k?versionId=${one}` }))
    expect([copy.CopySourceVersionId, await (await client.send(new GetObjectCommand(target))).Body?.transformToString()]).toEqual(
      [one, '1'],
    )
    expect(await history(client, 'versioned')).toEqual(
      [`k ${one} version`, `k ${two} version`, `k ${copy.VersionId} version latest`].sort(),
    )
  })

  s3Test('onto itself must change something', async ({ s3: { client } }) => {
    await client.send(new PutObjectCommand({ ...target, Body: '1' }))
    const copy = (more: object) => client.send(new CopyObjectCommand({ ...target, CopySource: 'versioned/k', ...more }))
    expect(await failure(copy({}))).toEqual(['InvalidRequest', 400])
    await copy({ MetadataDirective: 'REPLACE' })
    await copy({ StorageClass: 'STANDARD_IA' })
  })

  s3Test('of a missing source, or with a failed condition, is rejected', async ({ s3: { client } }) => {
    const { ETag } = await client.send(new PutObjectCommand({ ...target, Body: '1' }))
    const copy = (more: object) =>
      failure(client.send(new CopyObjectCommand({ Bucket: 'plain', Key: 'c', CopySource: 'versioned/k', ...more })))
    expect(await copy({ CopySource: 'versioned/none' })).toEqual(['NoSuchKey', 404])
    expect(await copy({ CopySource: 'nowhere/k' })).toEqual(['NoSuchBucket', 404])
    expect(await copy({ CopySource: 'versioned' })).toEqual(['InvalidArgument', 400])
    expect(await copy({ CopySourceIfNoneMatch: ETag })).toEqual(['PreconditionFailed', 412])
    expect(await copy({ CopySourceIfMatch: '"other"' })).toEqual(['PreconditionFailed', 412])
  })

  s3Test('outlives its source', async ({ s3: { client, server } }) => {
    await client.send(new PutObjectCommand({ Bucket: 'plain', Key: 'k', Body: 'shared' }))
    await client.send(new CopyObjectCommand({ Bucket: 'plain', Key: 'copy', CopySource: 'plain/k' }))
    expireCurrent(server.store, 'plain', 'k')
    await server.store.cleanUp()
    const { Body } = await client.send(new GetObjectCommand({ Bucket: 'plain', Key: 'copy' }))
    expect(await Body?.transformToString()).toBe('shared')
  })
})

describe('tags', () => {
  const tag = (Key: string, Value = '') => ({ Key, Value })

  s3Test('are replaced as a set for each version, and deleted', async ({ s3 }) => {
    const { client } = s3
    const { VersionId: one } = await client.send(new PutObjectCommand({ ...target, Body: '1', Tagging: 'old=x' }))
    await client.send(new PutObjectCommand({ ...target, Body: '2' }))
    const set = [tag('a', '1'), tag('ü b', '+/=')]
    await client.send(new PutObjectTaggingCommand({ ...target, VersionId: one, Tagging: { TagSet: set } }))
    expect((await client.send(new GetObjectTaggingCommand({ ...target, VersionId: one }))).TagSet).toEqual(set)
    expect((await client.send(new GetObjectTaggingCommand(target))).TagSet).toEqual([])
    await client.send(new DeleteObjectTaggingCommand({ ...target, VersionId: one }))
    expect((await client.send(new GetObjectTaggingCommand({ ...target, VersionId: one }))).TagSet).toEqual([])
    const tagged = s3.events().filter(event => event.eventName.startsWith('ObjectTagging'))
    expect(tagged.map(event => [event.eventName, event.s3.object.versionId])).toEqual([
      ['ObjectTagging:Put', one],
      ['ObjectTagging:Delete', one],
    ])
  })

  s3Test('have the limits of S3', async ({ s3: { client } }) => {
    await client.send(new PutObjectCommand({ ...target, Body: '1' }))
    const put = (TagSet: { Key: string; Value: string }[]) =>
      client.send(new PutObjectTaggingCommand({ ...target, Tagging: { TagSet } }))
    await put([tag('ü'.repeat(128), 'ü'.repeat(256)), ...Array.from({ length: 9 }, (_, index) => tag(`${index}`))])
    expect(await failure(put(Array.from({ length: 11 }, (_, index) => tag(`${index}`))))).toEqual(['BadRequest', 400])
    for (const bad of [tag('k'.repeat(129)), tag('k', 'v'.repeat(257)), tag(''), tag('<'), tag('aws:x')]) {
      expect(await failure(put([bad]))).toEqual(['InvalidTag', 400])
    }
    expect(await failure(put([tag('a'), tag('a')]))).toEqual(['InvalidTag', 400])
    expect(await failure(client.send(new PutObjectCommand({ ...target, Body: '1', Tagging: 'a=1&a=2' })))).toEqual([
      'InvalidTag',
      400,
    ])
  })
})
