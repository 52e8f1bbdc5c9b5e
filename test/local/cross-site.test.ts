import { once } from 'node:events'
import { statSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { DeleteObjectsCommand, GetObjectCommand, ListObjectVersionsCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { GetQueueUrlCommand, SQSClient } from '@aws-sdk/client-sqs'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { expect, test } from 'vitest'
import { startApi } from '../../local/api/server.ts'
import { ownCredentials } from '../../local/s3/auth/credentials.ts'
import { clientOf, failure, startEndpoint, temporaryFolder } from './s3/endpoint.ts'

const target = { Bucket: 'versioned', Key: 'k' }

/** What a browser sends for a page of another origin, and what it never sends for one of the same. */
const FOREIGN: Record<string, string>[] = [
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
  { origin: 'http://evil.example' },
  { origin: 'http://127.0.0.1:1' },
  { origin: 'null' },
]

const OWN: Record<string, string>[] = [{}, { 'sec-fetch-site': 'none' }, { 'sec-fetch-site': 'same-origin' }]

async function send(url: string, { method = 'GET', headers = {}, body = '' }): Promise<{ status?: number; text: string }> {
  const sent = request(url, { method, headers }).end(body)
  const [response] = await once(sent, 'response')
  let text = ''
  for await (const chunk of response) text += chunk
  return { status: response.statusCode, text }
}

test('a web page of another origin deleted objects of a bucket with published credentials', async () => {
  await using folder = await temporaryFolder()
  const credentials = ownCredentials(join(folder.path, 'credentials'))
  await using s3 = await startEndpoint({ credentials })
  const client = clientOf(s3.url, credentials)
  await client.send(new PutObjectCommand({ ...target, Body: 'x' }))
  const command = () => new DeleteObjectsCommand({ Bucket: target.Bucket, Delete: { Objects: [{ Key: 'k' }] } })
  const published = await getSignedUrl(clientOf(s3.url), command())
  const own = await getSignedUrl(client, command())
  const body = '<Delete><Object><Key>k</Key></Object></Delete>'
  for (const url of [published, own]) {
    for (const headers of FOREIGN) expect(await send(url, { method: 'POST', headers, body })).toMatchObject({ status: 403 })
  }
  const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: target.Bucket }))
  expect([Versions.length, DeleteMarkers.length]).toEqual([1, 0])
  client.destroy()
})

test('a presigned URL still reads from a link on any page, and from a page of this server', async () => {
  await using s3 = await startEndpoint()
  await s3.client.send(new PutObjectCommand({ ...target, Body: 'hello' }))
  const url = await getSignedUrl(s3.client, new GetObjectCommand(target))
  for (const headers of [...FOREIGN, ...OWN, { origin: s3.url }]) {
    expect(await send(url, { headers })).toEqual({ status: 200, text: 'hello' })
  }
})

test('the API accepts no request of a page of another origin: GET /download once wrote an audit entry for it', async () => {
  let calls = 0
  const api = await startApi({ handler: async () => ({ statusCode: 200, body: String(++calls) }) })
  try {
    for (const method of ['GET', 'POST', 'OPTIONS']) {
      for (const headers of [...FOREIGN, { host: 'evil.example' }]) {
        const { status, text } = await send(`${api.url}/download?key=k`, { method, headers })
        expect([status, JSON.parse(text).error]).toEqual([
          403,
          { code: 'Forbidden', message: expect.stringContaining('accepts'), requestId: expect.stringMatching(/^[\w-]{36}$/) },
        ])
      }
    }
    expect(calls).toBe(0)
    for (const headers of [...OWN, { origin: api.url }]) expect((await send(api.url, { headers })).status).toBe(200)
  } finally {
    await api.close()
  }
})

test('SQS accepts the credentials of its data folder only, and no request of a page of another origin', async () => {
  const credentials = { accessKeyId: 'ID', secretAccessKey: 'SECRET' }
  await using s3 = await startEndpoint({ credentials })
  const ask = async (signer: typeof credentials, headers: Record<string, string> = {}) => {
    const sqs = new SQSClient({ endpoint: s3.url, region: 'us-east-1', credentials: signer })
    const add = (next: (args: never) => unknown) => (args: { request: { headers: object } }) => {
      Object.assign(args.request.headers, headers)
      return next(args as never)
    }
    sqs.middlewareStack.add(add as never, { step: 'build' })
    return sqs.send(new GetQueueUrlCommand({ QueueName: 'catalog-events' })).finally(() => sqs.destroy())
  }
  expect(await ask(credentials)).toMatchObject({ QueueUrl: `${s3.url}/000000000000/catalog-events` })
  expect(await failure(ask({ ...credentials, accessKeyId: 'other' }))).toEqual(['InvalidClientTokenId', 403])
  expect(await failure(ask({ ...credentials, secretAccessKey: 'other' }))).toEqual(['SignatureDoesNotMatch', 403])
  for (const headers of FOREIGN) expect(await failure(ask(credentials, headers))).toEqual(['AccessDeniedException', 403])
})

test('each data folder has random credentials of its own, which only their owner can read, and keeps them', async () => {
  await using one = await temporaryFolder()
  await using other = await temporaryFolder()
  const file = join(one.path, 's3-credentials.json')
  const first = ownCredentials(file)
  expect(first).toEqual({
    accessKeyId: expect.stringMatching(/^LKIA[A-Z2-7]{16}$/),
    secretAccessKey: expect.stringMatching(/^[\w-]{40}$/),
  })
  expect(ownCredentials(file)).toEqual(first)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(ownCredentials(join(other.path, 's3-credentials.json'))).not.toEqual(first)
})
