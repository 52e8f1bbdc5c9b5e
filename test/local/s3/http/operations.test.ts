import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import * as sdk from '@aws-sdk/client-s3'
import { describe, expect } from 'vitest'
import { operationNames } from '../../../../local/s3/routes.ts'
import { type Endpoint, failure, history, s3Test, signedHeaders } from '../endpoint.ts'

/** Operations of other hosts: directory buckets and Object Lambda. */
const OTHER_HOSTS = ['ListDirectoryBuckets', 'WriteGetObjectResponse']

const target = { Bucket: 'versioned', Key: 'k' }

type Command = new (input: object) => { schema: [number, string, string, { http: [string, string, number] }] }

/** The name, method and path of every operation of the SDK, from its description of the API. */
function sdkOperations(): { name: string; method: string; path: string }[] {
  const commands = Object.entries(sdk).flatMap(([name, value]) => (/^[A-Z]\w+Command$/.test(name) ? [value as unknown] : []))
  return (commands as Command[]).map(Command => {
    const [, , name, { http }] = new Command(target).schema
    return { name, method: http[0], path: http[1] }
  })
}

async function status({ server }: Endpoint, method: string, path: string, headers = {}): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
  const options = { port: server.port, host: '127.0.0.1', method, path, headers: { ...signedHeaders(), ...headers } }
  request(options, response => response.resume().once('end', () => resolve(response.statusCode)))
    .on('error', reject)
    .end()
  return promise
}

describe('the operations', () => {
  s3Test('of the README are those of the routes', () => {
    const readme = readFileSync(join(import.meta.dirname, '../../../../local/s3/README.md'), 'utf8')
    const table = readme.split('## What it does')[1]!.split('\n## ')[0]!
    const rows = [...table.matchAll(/^\| [a-z ]+ \| ([A-Z].*) \|$/gm)]
    expect(rows.flatMap(([, names]) => names!.split(', ')).sort()).toEqual([...operationNames].sort())
  })

  s3Test('of the SDK include all that are implemented', () => {
    const names = sdkOperations().map(({ name }) => name)
    expect(operationNames.filter(name => !names.includes(name))).toEqual([])
  })

  s3Test(
    'that are not implemented are rejected and change nothing: PutObjectAnnotation once overwrote the object',
    async ({ s3 }) => {
      await s3.client.send(new sdk.PutObjectCommand({ ...target, Body: 'x' }))
      const before = await history(s3.client, 'versioned')
      const others = sdkOperations().filter(({ name }) => !operationNames.includes(name) && !OTHER_HOSTS.includes(name))
      expect(others.length).toBeGreaterThan(60)
      const wrong: string[] = []
      for (const { name, method, path } of others) {
        const code = await status(s3, method, `/versioned${path.replace('{Key+}', 'k')}`, { 'content-length': 0 })
        if (code !== 501) wrong.push(`${name}: ${code}`)
      }
      expect(wrong).toEqual([])
      expect(await history(s3.client, 'versioned')).toEqual(before)
    },
  )
})

describe('a query parameter', () => {
  s3Test('that the operation does not read is NotImplemented: it was accepted and ignored', async ({ s3 }) => {
    for (const path of [
      '/versioned?max-keys=1&new=1',
      '/versioned/k?versionId=null&max-keys=1',
      '/versioned?versions&marker=x',
    ]) {
      expect([path, await status(s3, 'GET', path)]).toEqual([path, 501])
    }
    expect(await status(s3, 'GET', '/versioned?list-type=2&x-id=ListObjectsV2&start-after=x')).toBe(200)
    expect(s3.events()).toEqual([])
  })
})

describe('an x-amz- header', () => {
  s3Test('that no operation reads is NotImplemented', async ({ s3 }) => {
    for (const name of ['x-amz-checksum-xxhash64', 'x-amz-server-side-encryption-context', 'x-amz-new']) {
      expect(await status(s3, 'PUT', '/versioned/k', { 'content-length': 0, [name]: 'x' })).toBe(501)
    }
    // Headers and parameters of other operations are refused too.
    for (const name of ['x-amz-copy-source-range', 'x-amz-if-match-size', 'x-amz-mp-object-size']) {
      expect([name, await status(s3, 'PUT', '/versioned/k', { 'content-length': 0, [name]: '1' })]).toEqual([name, 501])
    }
    const optional = new sdk.ListObjectsV2Command({ Bucket: 'versioned', OptionalObjectAttributes: ['RestoreStatus'] })
    expect(await failure(s3.client.send(optional))).toEqual(['NotImplemented', 501])
    expect(s3.events()).toEqual([])
  })

  s3Test('grants of an ACL are refused as in a bucket whose owner owns all objects', async ({ s3 }) => {
    for (const path of ['/versioned/k', '/versioned?acl', '/new-bucket']) {
      expect(await status(s3, 'PUT', path, { 'content-length': 0, 'x-amz-grant-read': 'id=x' })).toBe(400)
    }
    expect(await failure(s3.client.send(new sdk.CreateBucketCommand({ Bucket: 'new-bucket', ACL: 'public-read' })))).toEqual([
      'InvalidBucketAclWithObjectOwnership',
      400,
    ])
  })

  s3Test('with a wrong owner of the bucket is AccessDenied', async ({ s3: { client } }) => {
    const put = (ExpectedBucketOwner: string) =>
      client.send(new sdk.PutObjectCommand({ ...target, Body: 'x', ExpectedBucketOwner }))
    expect(await failure(put('111111111111'))).toEqual(['AccessDenied', 403])
    await put('000000000000')
  })
})

describe('an element of a document', () => {
  s3Test('that the operation does not read is MalformedXML', async ({ s3 }) => {
    const documents: [string, string, string][] = [
      ['POST', '/versioned?delete', '<Delete><Object><Key>k</Key><New>1</New></Object></Delete>'],
      ['PUT', '/plain?versioning', '<VersioningConfiguration><Status>Enabled</Status><New>1</New></VersioningConfiguration>'],
      ['PUT', '/plain?tagging', '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value><New>1</New></Tag></TagSet></Tagging>'],
      ['PUT', '/plain?cors', '<CORSConfiguration><New/></CORSConfiguration>'],
    ]
    for (const [method, path, body] of documents) {
      const headers = { ...signedHeaders(), 'content-md5': createHash('md5').update(body).digest('base64') }
      const response = await fetch(s3.url + path, { method, body, headers })
      expect([path, response.status, /<Code>(\w+)/.exec(await response.text())?.[1]]).toEqual([path, 400, 'MalformedXML'])
    }
  })
})
