import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
} from '@aws-sdk/client-s3'
import { describe, expect } from 'vitest'
import { databaseTest as test } from '../../support/postgres/database.ts'
import { currentOf, makeBucket, objectsInCatalog, testS3, versionsInBucket, versionsInCatalog } from '../../support/s3/bucket.ts'
import { IMPLEMENTATIONS } from '../../support/s3/implementations.ts'
import { asImplementation } from '../../support/s3/other-s3.ts'
import { deliver } from '../reconcile/stage.ts'

describe.each(IMPLEMENTATIONS)('with the events of %s', implementation => {
  test('a deleted object stayed current, and a copy or a key with a plus sign was not indexed', async ({ sql }) => {
    await using aws = await testS3()
    await makeBucket(aws.s3, 'docs', 'Enabled')
    await using other = await asImplementation(aws, implementation)
    const s3 = aws.s3
    for (const Key of ['a+b', '100%', 'deleted', 'many', 'restored'])
      await s3.send(new PutObjectCommand({ Bucket: 'docs', Key, Body: Key }))
    await s3.send(new CopyObjectCommand({ Bucket: 'docs', Key: 'copy', CopySource: 'docs/a%2Bb' }))
    await s3.send(new DeleteObjectCommand({ Bucket: 'docs', Key: 'deleted' }))
    await s3.send(new DeleteObjectsCommand({ Bucket: 'docs', Delete: { Objects: [{ Key: 'many' }, { Key: '100%' }] } }))
    const { VersionId } = await s3.send(new DeleteObjectCommand({ Bucket: 'docs', Key: 'restored' }))
    await s3.send(new DeleteObjectCommand({ Bucket: 'docs', Key: 'restored', VersionId }))
    await deliver(sql, { ...other, events: other.events })
    const truth = await versionsInBucket(s3, 'docs')
    expect(await versionsInCatalog(sql, 'docs')).toEqual(truth)
    expect(await objectsInCatalog(sql, 'docs')).toEqual(currentOf(truth))
    expect((await objectsInCatalog(sql, 'docs')).map(({ key }) => key)).toEqual(['a+b', 'copy', 'restored'])
  })
})

test('a change of the tags of an old version in MinIO made that version the latest', async ({ sql }) => {
  await using aws = await testS3()
  await makeBucket(aws.s3, 'docs', 'Enabled')
  await using other = await asImplementation(aws, 'minio')
  const name = { Bucket: 'docs', Key: 'k' }
  const { VersionId } = await aws.s3.send(new PutObjectCommand({ ...name, Body: 'old' }))
  await aws.s3.send(new PutObjectCommand({ ...name, Body: 'new' }))
  await aws.s3.send(new PutObjectTaggingCommand({ ...name, VersionId, Tagging: { TagSet: [{ Key: 'a', Value: 'b' }] } }))
  await deliver(sql, { ...other, events: other.events })
  const truth = await versionsInBucket(aws.s3, 'docs')
  expect(await versionsInCatalog(sql, 'docs')).toEqual(truth)
  expect(await objectsInCatalog(sql, 'docs')).toMatchObject([{ size: 3, tags: {} }])
})
