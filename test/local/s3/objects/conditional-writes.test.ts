import { request } from 'node:http'
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { describe, expect } from 'vitest'
import { type Endpoint, failure, s3Test, signedHeaders } from '../endpoint.ts'

const target = { Bucket: 'versioned', Key: 'k' }

/** A PUT of two bytes. The second one is sent by `finish`, which returns the status and the error code. */
function slowPut({ server }: Endpoint, headers: Record<string, string>) {
  const result = Promise.withResolvers<[number | undefined, string | undefined]>()
  const put = request({
    port: server.port,
    host: '127.0.0.1',
    method: 'PUT',
    path: '/versioned/k',
    headers: { ...signedHeaders(), ...headers, 'content-length': 2 },
  })
  put.on('error', result.reject).on('response', async response => {
    let text = ''
    for await (const chunk of response) text += chunk
    result.resolve([response.statusCode, /<Code>(\w+)/.exec(text)?.[1]])
  })
  put.write('a')
  const begun = async (count = 1) => {
    while (server.store.conditionalWrites.size < count) await new Promise(resolve => setTimeout(resolve, 5))
  }
  const finish = () => {
    put.end('b')
    return result.promise
  }
  return { begun, finish }
}

describe('a conditional write', () => {
  s3Test('with If-None-Match: * creates an object only if there is none', async ({ s3: { client } }) => {
    const put = () => client.send(new PutObjectCommand({ ...target, Body: 'x', IfNoneMatch: '*' }))
    await put()
    expect(await failure(put())).toEqual(['PreconditionFailed', 412])
    await client.send(new DeleteObjectCommand(target))
    await put()
    const other = client.send(new PutObjectCommand({ ...target, Body: 'x', IfNoneMatch: '"etag"' }))
    expect(await failure(other)).toEqual(['NotImplemented', 501])
  })

  s3Test('with If-Match replaces only the object with that ETag', async ({ s3: { client } }) => {
    const put = (IfMatch: string | undefined) => client.send(new PutObjectCommand({ ...target, Body: 'x', IfMatch }))
    expect(await failure(put('"any"'))).toEqual(['NoSuchKey', 404])
    const { ETag } = await client.send(new PutObjectCommand({ ...target, Body: 'first' }))
    expect(await failure(put('"other"'))).toEqual(['PreconditionFailed', 412])
    await put(ETag)
    expect(await failure(put(ETag))).toEqual(['PreconditionFailed', 412])
  })

  s3Test('succeeds once if two run at once', async ({ s3 }) => {
    const headers = { 'if-none-match': '*' }
    const [one, two] = [slowPut(s3, headers), slowPut(s3, headers)]
    await two.begun(2)
    expect([await one.finish(), await two.finish()].sort()).toEqual([
      [200, undefined],
      [412, 'PreconditionFailed'],
    ])
  })

  s3Test('is a conflict if the key is deleted while the body arrives', async ({ s3 }) => {
    const create = slowPut(s3, { 'if-none-match': '*' })
    await create.begun()
    await s3.client.send(new DeleteObjectCommand(target))
    expect(await create.finish()).toEqual([409, 'ConditionalRequestConflict'])
    const { ETag = '' } = await s3.client.send(new PutObjectCommand({ ...target, Body: 'x' }))
    const replace = slowPut(s3, { 'if-match': ETag })
    await replace.begun()
    await s3.client.send(new DeleteObjectCommand(target))
    expect(await replace.finish()).toEqual([409, 'ConditionalRequestConflict'])
  })

  s3Test('changes nothing if it fails', async ({ s3 }) => {
    await s3.client.send(new PutObjectCommand({ ...target, Body: 'there' }))
    const late = slowPut(s3, { 'if-match': '"b026324c6904b2a9cb4b88d6d61c81d1"' })
    expect(await late.finish()).toEqual([412, 'PreconditionFailed'])
    const { Body } = await s3.client.send(new GetObjectCommand(target))
    expect([await Body?.transformToString(), s3.events().length]).toEqual(['there', 1])
  })

  s3Test('can be the completion of a multipart upload, and a delete', async ({ s3: { client } }) => {
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(target))
    const { ETag } = await client.send(new UploadPartCommand({ ...target, UploadId, PartNumber: 1, Body: 'x' }))
    const complete = (more: object) =>
      client.send(
        new CompleteMultipartUploadCommand({
          ...target,
          UploadId,
          MultipartUpload: { Parts: [{ ETag, PartNumber: 1 }] },
          ...more,
        }),
      )
    const put = await client.send(new PutObjectCommand({ ...target, Body: 'x' }))
    expect(await failure(complete({ IfNoneMatch: '*' }))).toEqual(['PreconditionFailed', 412])
    await complete({ IfMatch: put.ETag })
    const remove = (IfMatch: string | undefined) => client.send(new DeleteObjectCommand({ ...target, IfMatch }))
    expect(await failure(remove('"other"'))).toEqual(['PreconditionFailed', 412])
    await remove(put.ETag)
    expect(await failure(remove(put.ETag))).toEqual(['NoSuchKey', 404])
  })
})
