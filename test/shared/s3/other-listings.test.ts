import { PutObjectCommand } from '@aws-sdk/client-s3'
import { describe, expect, test } from 'vitest'
import { listBucketVersions } from '../../../shared/s3/list-versions.ts'
import { makeBucket, type TestS3, testClient, testS3 } from '../../support/s3/bucket.ts'
import { IMPLEMENTATIONS } from '../../support/s3/implementations.ts'
import { asImplementation } from '../../support/s3/other-s3.ts'
import { type Changes, startS3Proxy } from '../../support/s3/s3-proxy.ts'

/** In the order of their bytes; each means another key when it is decoded once too often. */
const KEYS = ['100%', '50%25', 'a b', 'a%20b', 'a+b', 'a/b', 'x%7Ez', 'x~z', 'ü']

describe.each(IMPLEMENTATIONS)('a listing of %s', implementation => {
  test.each([1, 2, 1000])('has every key once, as it is, in pages of %i', async pageSize => {
    await using bucket = await filled()
    await using other = await asImplementation(bucket, implementation)
    expect(await keysOf(other, pageSize)).toEqual(KEYS)
  })
})

describe('a listing that cannot go on stops with an error that names bucket and marker', () => {
  test.each<{ what: string; error: RegExp; changes: Changes }>([
    {
      what: 'the server ignores the marker',
      error: /^The listing of docs does not advance: marker "50%25" \(version \S+\) is followed by marker "50%25"/,
      changes: { request: ({ url }) => void ['key-marker', 'version-id-marker'].map(name => url.searchParams.delete(name)) },
    },
    {
      what: 'the marker is before the keys of its page',
      error: /^The listing of docs does not advance: the beginning is followed by marker "0"/,
      changes: { response: replaceIn(/(?<=<NextKeyMarker>)[^<]+/, '0') },
    },
    {
      what: 'a page that is not the last has no marker',
      error: /^The listing of docs does not advance: the beginning is followed by marker ""/,
      changes: { response: replaceIn(/<NextKeyMarker>[^<]+<\/NextKeyMarker>/, '') },
    },
    {
      what: 'the keys are not in the order of their bytes',
      error: /^The listing of docs is not in order: "Z" follows "a%20b"/,
      changes: { response: replaceIn('<Key>a%2Bb</Key>', '<Key>Z</Key>') },
    },
  ])('when $what', async ({ error, changes }) => {
    await using bucket = await filled()
    await using proxy = await startS3Proxy(bucket.server.url, changes)
    const s3 = testClient(proxy.url)
    await expect(keysOf({ s3 }, 2)).rejects.toThrow(error)
    s3.destroy()
  })
})

test('a server that lists the key of the marker once more does not list it twice', async () => {
  await using bucket = await filled()
  const withoutMarker: Changes = { request: ({ url }) => void url.searchParams.delete('key-marker') }
  await using proxy = await startS3Proxy(bucket.server.url, withoutMarker)
  const s3 = testClient(proxy.url)
  expect(await keysOf({ s3 }, 1000, 'a b')).toEqual(KEYS.slice(KEYS.indexOf('a b') + 1))
  s3.destroy()
})

async function filled(): Promise<TestS3> {
  const bucket = await testS3()
  await makeBucket(bucket.s3, 'docs', 'Enabled')
  await Promise.all(KEYS.map(Key => bucket.s3.send(new PutObjectCommand({ Bucket: 'docs', Key, Body: 'x' }))))
  return bucket
}

async function keysOf({ s3 }: Pick<TestS3, 's3'>, pageSize: number, after?: string): Promise<string[]> {
  const range = { bucket: 'docs', prefix: '', pageSize, after, now: async () => '' }
  return (await Array.fromAsync(listBucketVersions(s3, range))).map(({ key }) => key)
}

function replaceIn(pattern: RegExp | string, text: string): Changes['response'] {
  return (_, response) => {
    response.body = Buffer.from(response.body.toString().replace(pattern, text))
  }
}
