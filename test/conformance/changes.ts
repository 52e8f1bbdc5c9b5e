import { CopyObjectCommand, DeleteObjectCommand, DeleteObjectsCommand, PutObjectTaggingCommand } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { expect } from 'vitest'
import {
  actionsOf,
  type ConformanceTest,
  deleteForGood,
  eventually,
  historyOf,
  keysBelow,
  objectOf,
  put,
  type Scene,
} from './scene.ts'

/** What happens to an object in the bucket, and that the catalog follows. */
export function tellChanges(test: ConformanceTest): void {
  test('an object that is put is in the catalog as S3 has it', async ({ scene }) => {
    const { key, versionId } = await put(scene, 'put/report.pdf', 'twelve bytes', {
      ContentType: 'application/pdf',
      Metadata: { department: 'finance' },
      Tagging: 'status=sent&year=2031',
    })
    await eventually(
      scene,
      () => objectOf(scene, key),
      expect.objectContaining({
        bucket: scene.bucket,
        key,
        versionId,
        size: 12,
        contentType: 'application/pdf',
        storageBackend: 's3',
        storageClass: 'STANDARD',
        metadata: { department: 'finance' },
        tags: { status: 'sent', year: '2031' },
      }),
    )
  })

  test('an overwritten object has both versions, and the new one is the latest', async ({ scene }) => {
    const { key, versionId: first } = await put(scene, 'overwrite.txt', 'first')
    const { versionId: second } = await put(scene, 'overwrite.txt', 'second, longer')
    await eventually(scene, () => historyOf(scene, key), [`${second} latest`, first])
    await eventually(scene, () => objectOf(scene, key), expect.objectContaining({ versionId: second, size: 14 }))
  })

  test('tags that are replaced are replaced in the catalog', async ({ scene }) => {
    const { key } = await put(scene, 'tagged.txt', 'x', { Tagging: 'a=1&b=2' })
    await eventually(scene, () => objectOf(scene, key), expect.objectContaining({ tags: { a: '1', b: '2' } }))
    await tag(scene, key, [{ Key: 'c', Value: '3' }])
    await eventually(scene, async () => (await objectOf(scene, key))?.tags, { c: '3' })
  })

  test('a copy is an object of its own with the metadata of the original', async ({ scene }) => {
    const { key, versionId } = await put(scene, 'copy/original with space.txt', 'copied', { Metadata: { author: 'ann' } })
    const copy = await copyTo(scene, { key, versionId }, `${scene.prefix}copy/copy.txt`)
    await eventually(
      scene,
      () => objectOf(scene, copy.key),
      expect.objectContaining({
        versionId: copy.versionId,
        size: 6,
        metadata: { author: 'ann' },
      }),
    )
  })

  test('a multipart upload appears once it is completed, with the size of all its parts', async ({ scene }) => {
    const partSize = 5 * 1024 ** 2
    const Key = `${scene.prefix}multipart.bin`
    const params = { Bucket: scene.bucket, Key, Body: Buffer.alloc(partSize + 1000, 'p'), ContentType: 'application/x-parts' }
    const { VersionId } = await new Upload({ client: scene.s3, params, partSize }).done()
    await eventually(
      scene,
      () => objectOf(scene, Key),
      expect.objectContaining({
        versionId: VersionId,
        size: partSize + 1000,
        contentType: 'application/x-parts',
        etag: expect.stringMatching(/-2$/),
      }),
    )
  })

  test('a deleted object is hidden by its marker, and deleting the marker brings it back', async ({ scene }) => {
    const { key, versionId } = await put(scene, 'deleted.txt', 'x')
    const marker = await remove(scene, key)
    await eventually(scene, () => historyOf(scene, key), [`${marker} marker latest`, versionId])
    await eventually(scene, () => objectOf(scene, key), undefined)
    await remove(scene, key, marker)
    await eventually(scene, () => historyOf(scene, key), [`${versionId} latest`])
    await eventually(scene, () => objectOf(scene, key), expect.objectContaining({ versionId }))
  })

  test('an old version that is copied over the new one is the latest again, as a third version', async ({ scene }) => {
    const old = await put(scene, 'restored.txt', 'the old text')
    const { versionId: second } = await put(scene, 'restored.txt', 'a mistake')
    // Not every S3 copies a version over its own key unless something about it changes.
    const { versionId: third } = await copyTo(scene, old, old.key, { restored: 'yes' })
    await eventually(scene, () => historyOf(scene, old.key), [`${third} latest`, second, old.versionId])
    await eventually(
      scene,
      () => objectOf(scene, old.key),
      expect.objectContaining({ versionId: third, size: 12, metadata: { restored: 'yes' } }),
    )
  })

  test('the latest version deleted for good leaves the one before as the latest', async ({ scene }) => {
    const { key, versionId: first } = await put(scene, 'shortened.txt', 'first')
    const { versionId: second } = await put(scene, 'shortened.txt', 'second')
    await eventually(scene, () => historyOf(scene, key), [`${second} latest`, first])
    await remove(scene, key, second)
    await eventually(scene, () => historyOf(scene, key), [`${first} latest`])
  })

  test('objects deleted together are all gone from the catalog', async ({ scene }) => {
    const objects = await Promise.all(['a', 'b', 'c'].map(name => put(scene, `together/${name}`, name)))
    await eventually(scene, () => keysBelow(scene, 'together/'), ['together/a', 'together/b', 'together/c'])
    const Objects = objects.map(({ key }) => ({ Key: key }))
    await scene.s3.send(new DeleteObjectsCommand({ Bucket: scene.bucket, Delete: { Objects } }))
    await eventually(scene, () => keysBelow(scene, 'together/'), [])
  })

  test('what is deleted for good leaves nothing but its audit trail', async ({ scene }) => {
    const { key } = await put(scene, 'gone.txt', 'x')
    await eventually(scene, () => actionsOf(scene, key), ['UPLOAD'])
    await deleteForGood(scene, key)
    await eventually(scene, () => historyOf(scene, key), [])
    expect(await objectOf(scene, key)).toBeUndefined()
    await eventually(scene, () => actionsOf(scene, key), ['UPLOAD', 'DELETE'])
  })
}

async function tag({ s3, bucket }: Scene, key: string, TagSet: { Key: string; Value: string }[]): Promise<void> {
  await s3.send(new PutObjectTaggingCommand({ Bucket: bucket, Key: key, Tagging: { TagSet } }))
}

/** Returns the version id of the delete marker, or of the deleted version. */
async function remove({ s3, bucket }: Scene, key: string, versionId?: string): Promise<string | undefined> {
  return (await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }))).VersionId
}

/** With metadata of its own, or else that of the original. */
async function copyTo(
  { s3, bucket }: Scene,
  from: { key: string; versionId: string },
  key: string,
  metadata?: Record<string, string>,
) {
  const CopySource = `${bucket}/${from.key.split('/').map(encodeURIComponent).join('/')}?versionId=${from.versionId}`
  const more = metadata && { Metadata: metadata, MetadataDirective: 'REPLACE' as const }
  const { VersionId } = await s3.send(new CopyObjectCommand({ Bucket: bucket, Key: key, CopySource, ...more }))
  return { key, versionId: VersionId }
}
