import {
  DeleteObjectCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { describe, expect } from 'vitest'
import { fc } from '../../../support/random.ts'
import { failure, s3Test } from '../endpoint.ts'

const put = (client: S3Client, Key: string, Bucket = 'plain') => client.send(new PutObjectCommand({ Bucket, Key, Body: Key }))

type Query = { Prefix?: string; Delimiter?: string; MaxKeys?: number }

/** The expected listing, computed without the endpoint: keys and common prefixes in byte order. */
function expected(keys: string[], { Prefix = '', Delimiter = '' }: Query): string[] {
  const entries = keys
    .filter(key => key.startsWith(Prefix))
    .map(key => {
      const end = Delimiter === '' ? -1 : key.indexOf(Delimiter, Prefix.length)
      return end < 0 ? key : `${key.slice(0, end + Delimiter.length)} (prefix)`
    })
  return [...new Set(entries)]
}

async function allPages(client: S3Client, query: Query, version: 1 | 2): Promise<string[]> {
  const found: string[] = []
  let next: string | undefined
  do {
    const page =
      version === 2
        ? await client.send(new ListObjectsV2Command({ Bucket: 'plain', ...query, ContinuationToken: next }))
        : await client.send(new ListObjectsCommand({ Bucket: 'plain', ...query, Marker: next }))
    const keys = (page.Contents ?? []).map(object => object.Key ?? '')
    const prefixes = (page.CommonPrefixes ?? []).map(prefix => `${prefix.Prefix} (prefix)`)
    expect(keys.length + prefixes.length).toBeLessThanOrEqual(query.MaxKeys ?? 1000)
    if ('KeyCount' in page) expect(page.KeyCount).toBe(keys.length + prefixes.length)
    found.push(...keys, ...prefixes)
    if (!page.IsTruncated) return found
    next = 'NextContinuationToken' in page ? page.NextContinuationToken : 'NextMarker' in page ? page.NextMarker : keys.at(-1)
  } while (next)
  throw new Error('a truncated page without a marker')
}

describe('ListObjects', () => {
  s3Test('returns each key and common prefix once, with any page size', { timeout: 60_000 }, async ({ s3: { client } }) => {
    const names = [
      'a',
      'a/',
      'a/b',
      'a/b/c',
      'a/b/d',
      'a//',
      'a//x',
      'ab',
      'b/1',
      'b/2',
      'b/3',
      'c',
      'ü/1',
      'ü/2',
      '🗂️/x',
      'z-',
      'z/',
    ]
    const keys = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    for (const key of keys) await put(client, key)
    const query = fc.record(
      {
        Prefix: fc.constantFrom('', 'a', 'a/', 'a/b', 'ü', 'ü/', 'nothing', 'z'),
        Delimiter: fc.constantFrom('/', 'b', '//', 'ü'),
        MaxKeys: fc.integer({ min: 1, max: 20 }),
      },
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(query, fc.constantFrom(1 as const, 2 as const), async (one, version) => {
        expect((await allPages(client, one, version)).toSorted()).toEqual(expected(keys, one).toSorted())
      }),
      { numRuns: 150 },
    )
  })

  s3Test('starts after a key, returns no keys for max-keys=0, and caps a page at 1,000', async ({ s3: { client } }) => {
    for (const key of ['a', 'b', 'c']) await put(client, key)
    const list = (query: object) => client.send(new ListObjectsV2Command({ Bucket: 'plain', ...query }))
    expect((await list({ StartAfter: 'a' })).Contents?.map(object => object.Key)).toEqual(['b', 'c'])
    const none = await list({ MaxKeys: 0 })
    expect([none.KeyCount, none.IsTruncated, none.MaxKeys]).toEqual([0, false, 0])
    expect((await list({ MaxKeys: 5000 })).MaxKeys).toBe(1000)
    expect((await list({ FetchOwner: true })).Contents?.[0]?.Owner?.DisplayName).toBe('catalog')
  })

  s3Test('rejects invalid parameters', async ({ s3: { client } }) => {
    const list = (query: object) => failure(client.send(new ListObjectsV2Command({ Bucket: 'plain', ...query })))
    expect(await list({ MaxKeys: -1 })).toEqual(['InvalidArgument', 400])
    expect(await list({ ContinuationToken: 'nonsense' })).toEqual(['InvalidArgument', 400])
    expect(await list({ EncodingType: 'base64' })).toEqual(['InvalidArgument', 400])
    expect(await failure(client.send(new ListObjectsV2Command({ Bucket: 'nowhere' })))).toEqual(['NoSuchBucket', 404])
  })

  s3Test('omits keys whose latest version is a delete marker', async ({ s3: { client } }) => {
    await put(client, 'gone', 'versioned')
    await put(client, 'there', 'versioned')
    await client.send(new DeleteObjectCommand({ Bucket: 'versioned', Key: 'gone' }))
    const { Contents } = await client.send(new ListObjectsV2Command({ Bucket: 'versioned' }))
    expect(Contents?.map(object => object.Key)).toEqual(['there'])
  })
})

type Entry = { key: string; versionId: string }

async function versionPages(client: S3Client, query: Query, between?: (page: Entry[]) => Promise<unknown>): Promise<Entry[]> {
  const found: Entry[] = []
  let markers: { KeyMarker?: string; VersionIdMarker?: string } = {}
  for (;;) {
    const page = await client.send(new ListObjectVersionsCommand({ Bucket: 'versioned', ...query, ...markers }))
    const versions = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])]
    const entries = [
      ...versions.map(version => ({ key: version.Key ?? '', versionId: version.VersionId ?? '' })),
      ...(page.CommonPrefixes ?? []).map(prefix => ({ key: prefix.Prefix ?? '', versionId: '' })),
    ]
    found.push(...entries)
    await between?.(entries)
    if (!page.IsTruncated) return found
    markers = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
  }
}

describe('ListObjectVersions', () => {
  async function fill(client: S3Client): Promise<Entry[]> {
    const written: Entry[] = []
    for (const key of ['a', 'b/1', 'b/2', 'c', 'a', 'b/1', 'b/1', 'a', 'c', 'd']) {
      written.push({ key, versionId: (await put(client, key, 'versioned')).VersionId ?? '' })
    }
    const { VersionId = '' } = await client.send(new DeleteObjectCommand({ Bucket: 'versioned', Key: 'b/1' }))
    return [...written, { key: 'b/1', versionId: VersionId }]
  }
  const sorted = (entries: Entry[]) => entries.map(entry => `${entry.key} ${entry.versionId}`).toSorted()

  s3Test('returns each version once, with any page size', async ({ s3: { client } }) => {
    const written = await fill(client)
    for (let MaxKeys = 1; MaxKeys <= 12; MaxKeys++) {
      expect(sorted(await versionPages(client, { MaxKeys }))).toEqual(sorted(written))
      const folded = [...written.filter(entry => !entry.key.startsWith('b/')), { key: 'b/', versionId: '' }]
      expect(sorted(await versionPages(client, { MaxKeys, Delimiter: '/' }))).toEqual(sorted(folded))
      const below = written.filter(entry => entry.key.startsWith('b/'))
      expect(sorted(await versionPages(client, { MaxKeys, Prefix: 'b/', Delimiter: '/' }))).toEqual(sorted(below))
    }
  })

  s3Test('returns the newest version of a key first', async ({ s3: { client } }) => {
    const written = await fill(client)
    const ofA = written.filter(entry => entry.key === 'a').reverse()
    expect(await versionPages(client, { Prefix: 'a', MaxKeys: 1 })).toEqual(ofA)
  })

  s3Test('continues at the right place if the listed versions are deleted between two pages', async ({ s3: { client } }) => {
    const written = await fill(client)
    const found = await versionPages(client, { MaxKeys: 2 }, page =>
      Promise.all(
        page.map(({ key, versionId }) =>
          client.send(new DeleteObjectCommand({ Bucket: 'versioned', Key: key, VersionId: versionId })),
        ),
      ),
    )
    expect(sorted(found)).toEqual(sorted(written))
    expect(await versionPages(client, {})).toEqual([])
  })

  s3Test('rejects a version id marker without a key marker', async ({ s3: { client } }) => {
    const list = client.send(new ListObjectVersionsCommand({ Bucket: 'versioned', VersionIdMarker: 'null' }))
    expect(await failure(list)).toEqual(['InvalidArgument', 400])
  })
})
