import {
  DeleteBucketCorsCommand,
  GetBucketCorsCommand,
  GetObjectCommand,
  PutBucketCorsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { describe, expect } from 'vitest'
import { failure, s3Test } from '../endpoint.ts'

const APP = 'http://app.example'

const rule = {
  ID: 'app',
  AllowedOrigins: [APP, 'http://*.shop.example'],
  AllowedMethods: ['GET', 'PUT'],
  AllowedHeaders: ['content-*', 'x-amz-meta-a'],
  ExposeHeaders: ['ETag'],
  MaxAgeSeconds: 60,
}

const putRules = (client: S3Client, ...CORSRules: (typeof rule)[]) =>
  client.send(new PutBucketCorsCommand({ Bucket: 'plain', CORSConfiguration: { CORSRules } }))

const preflight = async (url: string, headers: Record<string, string>) => {
  const response = await fetch(url, { method: 'OPTIONS', headers })
  return [response.status, response.headers.get('access-control-allow-origin'), /<Code>(\w+)/.exec(await response.text())?.[1]]
}

describe('the CORS rules of a bucket', () => {
  s3Test('are stored, returned and deleted', async ({ s3: { client } }) => {
    const get = () => client.send(new GetBucketCorsCommand({ Bucket: 'plain' }))
    expect(await failure(get())).toEqual(['NoSuchCORSConfiguration', 404])
    await putRules(client, rule)
    expect((await get()).CORSRules).toEqual([rule])
    expect(await failure(putRules(client, { ...rule, AllowedMethods: ['PATCH'] }))).toEqual(['InvalidRequest', 400])
    expect(await failure(putRules(client, { ...rule, AllowedOrigins: ['http://*.*'] }))).toEqual(['InvalidRequest', 400])
    expect(await failure(putRules(client, { ...rule, AllowedOrigins: [] }))).toEqual(['MalformedXML', 400])
    await client.send(new DeleteBucketCorsCommand({ Bucket: 'plain' }))
    expect(await failure(get())).toEqual(['NoSuchCORSConfiguration', 404])
  })

  s3Test('decide about preflight requests', async ({ s3: { client, url } }) => {
    const ask = (origin: string, method: string, headers = '') =>
      preflight(`${url}/plain/k`, {
        origin,
        'access-control-request-method': method,
        'access-control-request-headers': headers,
      })
    expect(await ask(APP, 'PUT')).toEqual([403, null, 'AccessForbidden'])
    await putRules(client, rule)
    expect(await ask(APP, 'PUT', 'Content-Type, x-amz-meta-a')).toEqual([200, APP, undefined])
    expect(await ask('http://my.shop.example', 'GET')).toEqual([200, 'http://my.shop.example', undefined])
    for (const refused of [ask('http://evil.example', 'GET'), ask(APP, 'DELETE'), ask(APP, 'PUT', 'x-amz-meta-b')]) {
      expect(await refused).toEqual([403, null, 'AccessForbidden'])
    }
    expect(await ask(APP, 'TRACE')).toEqual([400, null, 'BadRequest'])
    expect(await preflight(`${url}/plain`, {})).toEqual([400, null, 'BadRequest'])
    expect(await preflight(`${url}/nowhere`, { origin: APP, 'access-control-request-method': 'GET' })).toEqual([
      403,
      null,
      'AccessForbidden',
    ])
  })

  s3Test(
    'admit signed requests of a page of another origin, whose script may read the response',
    async ({ s3: { client, url } }) => {
      const target = { Bucket: 'plain', Key: 'k' }
      const put = await getSignedUrl(client, new PutObjectCommand(target))
      const send = (origin: string) => fetch(put, { method: 'PUT', body: 'hello', headers: { origin } })
      expect((await send(APP)).status).toBe(403)
      await putRules(client, rule)
      expect((await send('http://evil.example')).status).toBe(403)
      const { status, headers } = await send(APP)
      expect([status, headers.get('access-control-allow-origin'), headers.get('access-control-expose-headers')]).toEqual([
        200,
        APP,
        'ETag',
      ])
      const missing = await getSignedUrl(client, new GetObjectCommand({ ...target, Key: 'missing' }))
      const error = await fetch(missing, { headers: { origin: APP } })
      expect([error.status, error.headers.get('access-control-allow-origin')]).toEqual([404, APP])
      expect((await fetch(`${url}/plain/k`, { headers: { origin: APP } })).status).toBe(403)
    },
  )
})
