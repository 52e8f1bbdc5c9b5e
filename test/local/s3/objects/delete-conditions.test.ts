import {
  DeleteObjectCommand,
  type DeleteObjectCommandInput,
  DeleteObjectsCommand,
  HeadObjectCommand,
  type ObjectIdentifier,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { describe, expect } from 'vitest'
import { type Endpoint, failure, history, s3Test } from '../endpoint.ts'

const target = { Bucket: 'versioned', Key: 'k' }

const wrong: { ETag?: string; LastModifiedTime?: Date; Size?: number }[] = [
  { ETag: '"other"' },
  { LastModifiedTime: new Date('2020-01-01') },
  { Size: 6 },
]

async function put({ client }: Endpoint) {
  const { ETag, VersionId } = await client.send(new PutObjectCommand({ ...target, Body: 'hello' }))
  const { LastModified } = await client.send(new HeadObjectCommand(target))
  return { ETag: ETag!, LastModifiedTime: LastModified!, Size: 5, VersionId }
}

const remove = ({ client }: Endpoint, { ETag, LastModifiedTime, Size, VersionId }: Omit<ObjectIdentifier, 'Key'>) => {
  const conditions: Partial<DeleteObjectCommandInput> = {
    IfMatch: ETag,
    IfMatchLastModifiedTime: LastModifiedTime,
    IfMatchSize: Size,
  }
  return client.send(new DeleteObjectCommand({ ...target, VersionId, ...conditions }))
}

describe('a deletion', () => {
  s3Test('with a condition that does not hold once deleted the object', async ({ s3 }) => {
    const { VersionId } = await put(s3)
    for (const conditions of wrong) {
      expect(await failure(remove(s3, conditions))).toEqual(['PreconditionFailed', 412])
      expect(await failure(remove(s3, { ...conditions, VersionId }))).toEqual(['PreconditionFailed', 412])
      const Delete = { Objects: [{ Key: 'k', ...conditions }] }
      const { Errors, Deleted = [] } = await s3.client.send(new DeleteObjectsCommand({ Bucket: 'versioned', Delete }))
      expect([Errors?.map(({ Code }) => Code), Deleted]).toEqual([['PreconditionFailed'], []])
    }
    expect(await history(s3.client, 'versioned')).toEqual([`k ${VersionId} version latest`])
  })

  s3Test('with conditions that all hold deletes the object', async ({ s3 }) => {
    const { VersionId: _, ...conditions } = await put(s3)
    expect((await remove(s3, conditions)).DeleteMarker).toBe(true)
    expect(await failure(remove(s3, { Size: 5 }))).toEqual(['PreconditionFailed', 412])
  })

  s3Test('with a condition on size or time of an object that does not exist does nothing', async ({ s3 }) => {
    expect((await remove(s3, { Size: 5, LastModifiedTime: new Date() })).$metadata.httpStatusCode).toBe(204)
    expect(await history(s3.client, 'versioned')).toEqual([])
    expect(await failure(remove(s3, { ETag: '"any"' }))).toEqual(['NoSuchKey', 404])
  })
})
