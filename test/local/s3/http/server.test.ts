import { request } from 'node:http'
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  GetBucketLocationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { describe, expect } from 'vitest'
import { startS3 } from '../../../../local/s3/server.ts'
import { failure, s3Test, signedHeaders, startEndpoint } from '../endpoint.ts'

const target = { Bucket: 'plain', Key: 'k' }

function get(port: number, headers: Record<string, string>, path = '/'): Promise<[number | undefined, string]> {
  const result = Promise.withResolvers<[number | undefined, string]>()
  const sent = request({ host: '127.0.0.1', port, path, headers })
  sent.on('error', result.reject).on('response', async response => {
    let text = ''
    for await (const chunk of response) text += chunk
    result.resolve([response.statusCode, text])
  })
  sent.end()
  return result.promise
}

describe('the endpoint', () => {
  s3Test('accepts loopback host names only', async ({ s3: { server } }) => {
    const status = async (host: string) => (await get(server.port, { ...signedHeaders(), host }))[0]
    for (const host of [
      'localhost',
      'localhost:9000',
      '127.0.0.1',
      '127.8.9.1:1',
      '[::1]:9000',
      'catalog.localhost',
      'LOCALHOST',
    ]) {
      expect([host, await status(host)]).toEqual([host, 200])
    }
    for (const host of ['evil.example', '10.0.0.1', 'localhost.evil.example', '127.0.0.1.evil.example', '[::2]', '0.0.0.0']) {
      expect([host, await status(host)]).toEqual([host, 403])
    }
  })

  s3Test('listens on 127.0.0.1 only', async ({ s3: { server } }) => {
    expect(new URL(server.url).hostname).toBe('127.0.0.1')
    await expect(fetch(`http://[::1]:${server.port}/`)).rejects.toThrow('fetch failed')
  })

  s3Test('reports a port in use', async ({ s3: { server } }) => {
    await expect(startS3({ folder: ':memory:', port: server.port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
      port: server.port,
    })
  })

  s3Test('accepts any credentials, but not none', async ({ s3: { server } }) => {
    const result = async (headers: Record<string, string>) => {
      const [status, text] = await get(server.port, headers)
      return [status, /<Code>(\w+)/.exec(text)?.[1]]
    }
    expect(await result(signedHeaders('whoever'))).toEqual([200, undefined])
    expect(await result({ authorization: 'AWS anybody:signature' })).toEqual([200, undefined])
    expect(await result({})).toEqual([403, 'AccessDenied'])
    expect(await result({ authorization: 'Bearer x' })).toEqual([400, 'AuthorizationHeaderMalformed'])
  })

  s3Test('names the access key of the request as the principal of a change', async ({ s3 }) => {
    await fetch(`${s3.url}/plain/k`, { method: 'PUT', headers: signedHeaders('AKIAEXAMPLE'), body: 'x' })
    expect(s3.events()[0]?.userIdentity).toEqual({ principalId: 'AWS:AKIAEXAMPLE' })
  })

  s3Test('writes errors as S3 does', async ({ s3: { server } }) => {
    const [status, text] = await get(server.port, signedHeaders(), '/nowhere/k%20?x-id=GetObject')
    expect([status, text]).toEqual([
      404,
      expect.stringMatching(
        /^<\?xml version="1.0" encoding="UTF-8"\?><Error><Code>NoSuchBucket<\/Code><Message>The specified bucket does not exist<\/Message><BucketName>nowhere<\/BucketName><Resource>\/nowhere\/k%20<\/Resource><RequestId>[0-9A-F]{16}<\/RequestId><HostId>[\w+/=]+<\/HostId><\/Error>$/,
      ),
    ])
    expect(await get(server.port, signedHeaders(), '/plain/%ff')).toEqual([
      400,
      expect.stringContaining('<Code>InvalidURI</Code>'),
    ])
  })

  s3Test('rejects what is not implemented with NotImplemented', async ({ s3: { client, server } }) => {
    await client.send(new PutObjectCommand({ ...target, Body: 'x' }))
    expect(await failure(client.send(new GetBucketPolicyCommand({ Bucket: 'plain' })))).toEqual(['NotImplemented', 501])
    const rules = {
      LifecycleConfiguration: { Rules: [{ Status: 'Enabled' as const, Filter: { Prefix: '' }, Expiration: { Days: 1 } }] },
    }
    expect(await failure(client.send(new PutBucketLifecycleConfigurationCommand({ Bucket: 'plain', ...rules })))).toEqual([
      'NotImplemented',
      501,
    ])
    for (const name of ['torrent', 'legal-hold', 'retention', 'select', 'website', 'policy']) {
      expect((await get(server.port, signedHeaders(), `/plain/k?${name}`))[0]).toBe(501)
    }
  })

  s3Test('injects faults: an error, a delay, a response that breaks off', async () => {
    const faults = [{ error: 'SlowDown' as const }, { delayMs: 200 }, undefined, { cutAfter: 0.5 }, undefined]
    const seen: unknown[] = []
    const delayed = Promise.withResolvers<void>()
    await using s3 = await startEndpoint({
      fault: ({ method, bucket, key }) => {
        seen.push([method, bucket, key])
        const fault = method === 'GET' ? faults.shift() : undefined
        if (fault?.delayMs) delayed.resolve()
        return fault
      },
    })
    await s3.client.send(new PutObjectCommand({ ...target, Body: 'x'.repeat(1000) }))
    const read = async () => (await (await s3.client.send(new GetObjectCommand(target))).Body?.transformToString())?.length
    expect(await failure(read())).toEqual(['SlowDown', 503])
    const ended: string[] = []
    const slow = read().finally(() => ended.push('delayed'))
    await delayed.promise
    const quick = read().finally(() => ended.push('not delayed'))
    expect(await Promise.all([slow, quick])).toEqual([1000, 1000])
    expect(ended).toEqual(['not delayed', 'delayed'])
    await expect(read()).rejects.toThrow()
    expect(await read()).toBe(1000)
    expect(seen).toEqual([['PUT', 'plain', 'k'], ...Array.from({ length: 5 }, () => ['GET', 'plain', 'k'])])
  })
})

describe('buckets', () => {
  s3Test('are created, listed, read, and deleted when empty', async ({ s3: { client } }) => {
    await client.send(new CreateBucketCommand({ Bucket: 'new-bucket' }))
    const { Buckets } = await client.send(new ListBucketsCommand({}))
    expect(Buckets?.map(bucket => bucket.Name)).toEqual(['new-bucket', 'plain', 'suspended', 'versioned'])
    expect((await client.send(new HeadBucketCommand({ Bucket: 'new-bucket' }))).BucketRegion).toBe('us-east-1')
    await client.send(new PutObjectCommand({ Bucket: 'new-bucket', Key: 'k', Body: 'x' }))
    expect(await failure(client.send(new DeleteBucketCommand({ Bucket: 'new-bucket' })))).toEqual(['BucketNotEmpty', 409])
    await client.send(new DeleteBucketCommand({ Bucket: 'plain' }))
    expect(await failure(client.send(new HeadBucketCommand({ Bucket: 'plain' })))).toEqual(['NotFound', 404])
  })

  s3Test('can be created twice in us-east-1, and are BucketAlreadyOwnedByYou elsewhere', async ({ s3: { client } }) => {
    await client.send(new CreateBucketCommand({ Bucket: 'plain' }))
    const make = () =>
      client.send(
        new CreateBucketCommand({ Bucket: 'in-europe', CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } }),
      )
    await make()
    expect(await failure(make())).toEqual(['BucketAlreadyOwnedByYou', 409])
    expect((await client.send(new GetBucketLocationCommand({ Bucket: 'in-europe' }))).LocationConstraint).toBe('eu-west-1')
    expect((await client.send(new GetBucketLocationCommand({ Bucket: 'plain' }))).LocationConstraint).toBeUndefined()
  })

  s3Test('have names that S3 allows', async ({ s3: { client } }) => {
    for (const Bucket of ['ab', 'Upper', 'under_score', '-dash', '192.168.0.1', 'two..dots', 'x'.repeat(64)]) {
      expect(await failure(client.send(new CreateBucketCommand({ Bucket })))).toEqual(['InvalidBucketName', 400])
    }
  })

  s3Test('have versioning, or have it suspended, or never had it', async ({ s3: { client } }) => {
    const status = async () => (await client.send(new GetBucketVersioningCommand({ Bucket: 'plain' }))).Status
    const set = (Status: string) =>
      client.send(new PutBucketVersioningCommand({ Bucket: 'plain', VersioningConfiguration: { Status: Status as 'Enabled' } }))
    expect(await status()).toBeUndefined()
    for (const one of ['Enabled', 'Suspended']) {
      await set(one)
      expect(await status()).toBe(one)
    }
    expect(await failure(set('Off'))).toEqual(['IllegalVersioningConfigurationException', 400])
  })
})
