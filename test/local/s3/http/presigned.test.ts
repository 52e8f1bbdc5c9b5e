import { createHmac } from 'node:crypto'
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client, UploadPartCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { describe, expect } from 'vitest'
import { s3Test, startEndpoint } from '../endpoint.ts'

const target = { Bucket: 'versioned', Key: 'folder/a key.txt' }

const codeOf = async (answer: Promise<Response>) => {
  const response = await answer
  return [response.status, /<Code>(\w+)/.exec(await response.text())?.[1]]
}

describe('a presigned URL', () => {
  s3Test('allows an upload with its metadata and a download under another name', async ({ s3: { client } }) => {
    const put = await getSignedUrl(
      client,
      new PutObjectCommand({ ...target, ContentType: 'text/plain', Metadata: { a: 'b' }, Tagging: 'c=d' }),
    )
    expect((await fetch(put, { method: 'PUT', body: 'hello', headers: { 'content-type': 'text/plain' } })).status).toBe(200)
    expect(await client.send(new HeadObjectCommand(target))).toMatchObject({
      Metadata: { a: 'b' },
      TagCount: 1,
      ContentType: 'text/plain',
    })
    const get = await getSignedUrl(
      client,
      new GetObjectCommand({ ...target, ResponseContentDisposition: 'attachment; filename="x y.txt"' }),
    )
    const response = await fetch(get)
    expect([await response.text(), response.headers.get('content-disposition')]).toEqual([
      'hello',
      'attachment; filename="x y.txt"',
    ])
  })

  s3Test('allows nothing else: another method, key, parameter, header or secret', async ({ s3: { client, url } }) => {
    await client.send(new PutObjectCommand({ ...target, Body: 'secret' }))
    const get = await getSignedUrl(client, new GetObjectCommand(target))
    const mismatch = [403, 'SignatureDoesNotMatch']
    expect(await codeOf(fetch(get, { method: 'PUT', body: 'x' }))).toEqual(mismatch)
    expect(await codeOf(fetch(get.replace('key.txt', 'other.txt')))).toEqual(mismatch)
    expect(await codeOf(fetch(`${get}&versionId=null`))).toEqual(mismatch)
    expect(await codeOf(fetch(get.replace('X-Amz-Expires=900', 'X-Amz-Expires=9000')))).toEqual(mismatch)
    expect(await codeOf(fetch(get, { headers: { 'x-amz-checksum-mode': 'ENABLED' } }))).toEqual([403, 'AccessDenied'])
    const signedBy = (accessKeyId: string, secretAccessKey: string) =>
      getSignedUrl(
        new S3Client({ endpoint: url, region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } }),
        new GetObjectCommand(target),
      )
    expect(await codeOf(fetch(await signedBy('catalog', 'guessed')))).toEqual(mismatch)
    expect(await codeOf(fetch(await signedBy('stranger', 'catalog-secret')))).toEqual([403, 'InvalidAccessKeyId'])
  })

  s3Test('expires', async () => {
    let now = Date.now()
    await using s3 = await startEndpoint({ clock: () => now })
    await s3.client.send(new PutObjectCommand({ ...target, Body: 'x' }))
    const get = await getSignedUrl(s3.client, new GetObjectCommand(target), { expiresIn: 60 })
    now += 59_000
    expect((await fetch(get)).status).toBe(200)
    now += 3_000
    const expired = await fetch(get)
    expect([expired.status, await expired.text()]).toEqual([
      403,
      expect.stringContaining('<Message>Request has expired</Message>'),
    ])
    now -= 3_600_000
    expect(await codeOf(fetch(get))).toEqual([403, 'AccessDenied'])
  })

  s3Test('must be complete and valid for at most a week', async ({ s3: { client } }) => {
    const get = await getSignedUrl(client, new GetObjectCommand(target))
    for (const name of ['X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Expires', 'X-Amz-SignedHeaders']) {
      const without = get.replace(new RegExp(`${name}=[^&]*&`), '')
      expect(await codeOf(fetch(without))).toEqual([400, 'AuthorizationQueryParametersError'])
    }
    const long = get.replace('X-Amz-Expires=900', 'X-Amz-Expires=604801')
    expect(await codeOf(fetch(long))).toEqual([400, 'AuthorizationQueryParametersError'])
  })

  s3Test('of a part uploads that part', async ({ s3: { client } }) => {
    const url = await getSignedUrl(client, new UploadPartCommand({ ...target, UploadId: 'none', PartNumber: 1 }))
    expect(await codeOf(fetch(url, { method: 'PUT', body: 'x' }))).toEqual([404, 'NoSuchUpload'])
  })

  s3Test('may be signed with version 2, as boto3 and the AWS CLI 1 still do', async ({ s3: { client, url } }) => {
    await client.send(new PutObjectCommand({ ...target, Body: 'hello' }))
    const path = '/versioned/folder/a%20key.txt'
    const signed = (expires: number, secret = 'catalog-secret', accessKey = 'catalog') => {
      const signature = createHmac('sha1', secret).update(`GET\n\n\n${expires}\n${path}`).digest('base64')
      return fetch(`${url}${path}?AWSAccessKeyId=${accessKey}&Signature=${encodeURIComponent(signature)}&Expires=${expires}`)
    }
    const soon = Math.floor(Date.now() / 1000) + 60
    expect(await (await signed(soon)).text()).toBe('hello')
    expect(await codeOf(signed(soon, 'guessed'))).toEqual([403, 'SignatureDoesNotMatch'])
    expect(await codeOf(signed(soon - 120))).toEqual([403, 'AccessDenied'])
    expect(await codeOf(signed(soon, 'catalog-secret', 'stranger'))).toEqual([403, 'InvalidAccessKeyId'])
  })
})
