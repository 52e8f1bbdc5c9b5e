import { CopyObjectCommand, DeleteObjectCommand, DeleteObjectsCommand, PutObjectTaggingCommand } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { expect } from 'vitest'
import type { Document } from '../../cli/walkthrough/document.ts'
import { deleteStep, walkthroughSteps } from '../../cli/walkthrough/steps.ts'
import {
  actionsOf,
  type ConformanceTest,
  deletePermanently,
  historyOf,
  listKeys,
  newWord,
  objectOf,
  put,
  type TestInstallation,
  waitFor,
} from './fixture.ts'

/** Changes in the bucket, which the catalog follows. */
export function testChanges(test: ConformanceTest): void {
  test('the walkthrough of demo and verify succeeds', async ({ installation }) => {
    const { target, s3, bucket, prefix, timeoutSeconds } = installation
    const word = newWord()
    const document: Document = {
      target,
      bucket: { s3, name: bucket, address: target.s3Url ?? 'S3' },
      key: `${prefix}walkthrough/${word}/report.pdf`,
      contents: ['the first version', 'the second version, longer'],
      contentType: 'application/pdf',
      metadata: { department: 'finance' },
      tags: { status: 'sent', year: '2031' },
      queries: [word, `${word.slice(0, -3)}*`, 'finance', 'sent'],
      versionIds: [],
      timeoutMs: timeoutSeconds * 1000,
    }
    for (const { run } of [...walkthroughSteps, deleteStep]) await run(document)
  })

  test('replaced tags are replaced in the catalog', async ({ installation }) => {
    const { key } = await put(installation, 'tagged.txt', 'x', { Tagging: 'a=1&b=2' })
    await waitFor(installation, () => objectOf(installation, key), expect.objectContaining({ tags: { a: '1', b: '2' } }))
    await tag(installation, key, [{ Key: 'c', Value: '3' }])
    await waitFor(installation, async () => (await objectOf(installation, key))?.tags, { c: '3' })
  })

  test('a copy is an object of its own with the metadata of the original', async ({ installation }) => {
    const { key, versionId } = await put(installation, 'copy/original with space.txt', 'copied', { Metadata: { author: 'ann' } })
    const copy = await copyTo(installation, { key, versionId }, `${installation.prefix}copy/copy.txt`)
    await waitFor(
      installation,
      () => objectOf(installation, copy.key),
      expect.objectContaining({
        versionId: copy.versionId,
        size: 6,
        metadata: { author: 'ann' },
      }),
    )
  })

  test('a multipart upload appears once it is completed, with the size of all its parts', async ({ installation }) => {
    const partSize = 5 * 1024 ** 2
    const Key = `${installation.prefix}multipart.bin`
    const params = {
      Bucket: installation.bucket,
      Key,
      Body: Buffer.alloc(partSize + 1000, 'p'),
      ContentType: 'application/x-parts',
    }
    const { VersionId } = await new Upload({ client: installation.s3, params, partSize }).done()
    await waitFor(
      installation,
      () => objectOf(installation, Key),
      expect.objectContaining({
        versionId: VersionId,
        size: partSize + 1000,
        contentType: 'application/x-parts',
        etag: expect.stringMatching(/-2$/),
      }),
    )
  })

  test('a deleted object is hidden by its marker, and deleting the marker brings it back', async ({ installation }) => {
    const { key, versionId } = await put(installation, 'deleted.txt', 'x')
    const marker = await remove(installation, key)
    await waitFor(installation, () => historyOf(installation, key), [`${marker} marker latest`, versionId])
    await waitFor(installation, () => objectOf(installation, key), undefined)
    await remove(installation, key, marker)
    await waitFor(installation, () => historyOf(installation, key), [`${versionId} latest`])
    await waitFor(installation, () => objectOf(installation, key), expect.objectContaining({ versionId }))
  })

  test('an old version that is copied over the new one is the latest again, as a third version', async ({ installation }) => {
    const old = await put(installation, 'restored.txt', 'the old text')
    const { versionId: second } = await put(installation, 'restored.txt', 'a mistake')
    // Not every S3 copies a version over its own key unless something about it changes.
    const { versionId: third } = await copyTo(installation, old, old.key, { restored: 'yes' })
    // S3 dates versions to the second: the order of two that are not the latest is only known where events bring sequencers.
    const sortedHistory = async () => (await historyOf(installation, old.key)).sort()
    await waitFor(installation, sortedHistory, [`${third} latest`, second, old.versionId].sort())
    await waitFor(
      installation,
      () => objectOf(installation, old.key),
      expect.objectContaining({ versionId: third, size: 12, metadata: { restored: 'yes' } }),
    )
  })

  test('when the latest version is deleted permanently, the version before it is the latest', async ({ installation }) => {
    const { key, versionId: first } = await put(installation, 'shortened.txt', 'first')
    const { versionId: second } = await put(installation, 'shortened.txt', 'second')
    await waitFor(installation, () => historyOf(installation, key), [`${second} latest`, first])
    await remove(installation, key, second)
    await waitFor(installation, () => historyOf(installation, key), [`${first} latest`])
  })

  test('objects deleted together are all gone from the catalog', async ({ installation }) => {
    const objects = await Promise.all(['a', 'b', 'c'].map(name => put(installation, `together/${name}`, name)))
    await waitFor(installation, () => listKeys(installation, 'together/'), ['together/a', 'together/b', 'together/c'])
    const Objects = objects.map(({ key }) => ({ Key: key }))
    await installation.s3.send(new DeleteObjectsCommand({ Bucket: installation.bucket, Delete: { Objects } }))
    await waitFor(installation, () => listKeys(installation, 'together/'), [])
  })

  test('a permanently deleted object leaves only its audit trail', async ({ installation }) => {
    const { key } = await put(installation, 'gone.txt', 'x')
    await waitFor(installation, () => actionsOf(installation, key), ['UPLOAD'])
    await deletePermanently(installation, key)
    await waitFor(installation, () => historyOf(installation, key), [])
    expect(await objectOf(installation, key)).toBeUndefined()
    await waitFor(installation, () => actionsOf(installation, key), ['UPLOAD', 'DELETE'])
  })
}

async function tag({ s3, bucket }: TestInstallation, key: string, TagSet: { Key: string; Value: string }[]): Promise<void> {
  await s3.send(new PutObjectTaggingCommand({ Bucket: bucket, Key: key, Tagging: { TagSet } }))
}

/** Returns the version id of the delete marker, or of the deleted version. */
async function remove({ s3, bucket }: TestInstallation, key: string, versionId?: string): Promise<string | undefined> {
  return (await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }))).VersionId
}

/** With metadata of its own, or else that of the original. */
async function copyTo(
  { s3, bucket }: TestInstallation,
  from: { key: string; versionId: string },
  key: string,
  metadata?: Record<string, string>,
) {
  const CopySource = `${bucket}/${from.key.split('/').map(encodeURIComponent).join('/')}?versionId=${from.versionId}`
  const more = metadata && { Metadata: metadata, MetadataDirective: 'REPLACE' as const }
  const { VersionId } = await s3.send(new CopyObjectCommand({ Bucket: bucket, Key: key, CopySource, ...more }))
  return { key, versionId: VersionId }
}
