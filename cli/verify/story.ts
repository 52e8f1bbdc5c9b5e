import { DeleteObjectCommand, GetBucketVersioningCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import type { AuditEntry } from '../../shared/catalog/audit.ts'
import type { StoredObject } from '../../shared/catalog/objects.ts'
import type { Statistics } from '../../shared/catalog/statistics.ts'
import type { StoredVersion } from '../../shared/catalog/versions.ts'
import { ask, type Wire } from '../connect/ask.ts'
import { reachBucket } from '../connect/bucket.ts'
import { deleteKey } from '../story/delete-key.ts'
import { expect, until } from '../story/until.ts'
import { Failure } from '../terminal/failure.ts'
import { count } from '../terminal/print.ts'
import type { Page } from '../terminal/show-list.ts'
import type { Check, Visit } from './visit.ts'

/** An object's life through S3 and the API, from its first version to its end. */
export const storyChecks: Check[] = [
  { name: 'API', run: answers },
  { name: 'bucket', run: reaches },
  { name: 'write and read', needs: ['API', 'bucket'], run: writeAndRead },
  { name: 'list', needs: ['write and read'], run: list },
  { name: 'search', needs: ['write and read'], run: search },
  { name: 'versions', needs: ['write and read'], run: versions },
  { name: 'download', needs: ['write and read'], run: download },
  { name: 'audit', needs: ['versions', 'download'], run: audit },
  { name: 'statistics', needs: ['write and read'], run: statistics },
  { name: 'delete', needs: ['versions'], run: remove },
]

/** Takes out of the bucket what the checks put there, also after a failure. */
export const cleanUp: Check = { name: 'clean up', needs: ['bucket'], run: clean }

async function answers({ place }: Visit): Promise<string> {
  await ask(place, '/health')
  return place.apiUrl
}

async function reaches({ bucket }: Visit): Promise<string> {
  await reachBucket(bucket)
  const { Status } = await bucket.s3.send(new GetBucketVersioningCommand({ Bucket: bucket.name }))
  if (Status !== 'Enabled') throw new Failure(`bucket ${bucket.name} does not keep versions: enable versioning`)
  return `${bucket.name} at ${bucket.address}, versioned`
}

async function writeAndRead(visit: Visit): Promise<string> {
  const start = performance.now()
  const sent = await put(visit, 'first')
  const object = await until(
    () => ask<Wire<StoredObject>>(visit.place, '/object', named(visit)),
    ({ versionId }) => (versionId === visit.versionIds[0] ? undefined : 'the catalog has another version'),
  )
  const { size, contentType, metadata, tags, etag } = object
  expect('What the catalog knows', { size, contentType, metadata, tags, etag }, { ...DETAILS, size: 5, etag: sent })
  return `in the catalog after ${Math.round(performance.now() - start)} ms`
}

async function list(visit: Visit): Promise<string> {
  const prefix = visit.key.replace(/[^/]*$/, '')
  const { items } = await ask<Page<Wire<StoredObject>>>(visit.place, '/objects', { bucket: visit.bucket.name, prefix })
  expect(
    'The list',
    items.map(({ key }) => key),
    [visit.key],
  )
  return 'found by its prefix'
}

async function search(visit: Visit): Promise<string> {
  for (const q of [visit.word, `${visit.word.slice(0, -3)}*`]) {
    const { items } = await ask<Page<Wire<StoredObject>>>(visit.place, '/search', { q, bucket: visit.bucket.name })
    expect(
      `What is found by ${q}`,
      items.map(({ key }) => key),
      [visit.key],
    )
  }
  return 'found by a word and by the beginning of one'
}

async function versions(visit: Visit): Promise<string> {
  await put(visit, 'second')
  const expected = visit.versionIds
    .toReversed()
    .map((versionId, place) => ({ versionId, isLatest: place === 0, isDeleteMarker: false }))
  await followed(visit, expected)
  return 'both versions, the new one latest'
}

async function download(visit: Visit): Promise<string> {
  const versionId = visit.versionIds[0]
  const { url } = await ask<{ url: string }>(visit.place, '/download', { ...named(visit), versionId })
  const response = await fetch(url)
  expect('The answer', { status: response.status, text: await response.text() }, { status: 200, text: 'first' })
  return 'the first version, by a presigned URL'
}

async function audit(visit: Visit): Promise<string> {
  const entries = await until(
    async () => (await ask<Page<Wire<AuditEntry>>>(visit.place, '/audit', named(visit))).items,
    ({ length }) => (length >= 3 ? undefined : `${count(length, 'entry')} instead of three`),
  )
  expect('What was done', entries.map(({ action, success }) => `${action} ${success}`).sort(), [
    'DOWNLOAD true',
    'UPLOAD true',
    'UPLOAD true',
  ])
  return 'two uploads and a download'
}

async function statistics(visit: Visit): Promise<string> {
  const s = await ask<Wire<Statistics>>(visit.place, '/statistics', { bucket: visit.bucket.name })
  if (s.objects < 1 || s.bytes < 5 || s.versions < visit.versionIds.length) {
    throw new Failure(`they leave the object out: ${s.objects} objects, ${s.bytes} bytes, ${s.versions} versions`)
  }
  return `${count(s.objects, 'object')}, ${count(s.versions, 'version')}`
}

async function remove(visit: Visit): Promise<string> {
  const { bucket, key, versionIds } = visit
  const { VersionId = '' } = await bucket.s3.send(new DeleteObjectCommand({ Bucket: bucket.name, Key: key }))
  const old = versionIds.toReversed().map(versionId => ({ versionId, isLatest: false, isDeleteMarker: false }))
  await followed(visit, [{ versionId: VersionId, isLatest: true, isDeleteMarker: true }, ...old])
  const { items } = await ask<Page<Wire<StoredObject>>>(visit.place, '/objects', { bucket: bucket.name, prefix: key })
  expect('The list', items, [])
  return 'hidden by a delete marker, its versions kept'
}

async function clean(visit: Visit): Promise<string> {
  const deleted = await deleteKey(visit.bucket, visit.key)
  if (deleted > 0) await followed(visit, [])
  return `${count(deleted, 'version')} deleted`
}

const DETAILS = { size: 0, contentType: 'text/plain', metadata: { purpose: 'verify' }, tags: { kind: 'check' }, etag: '' }

/** Answers the ETag. */
async function put({ bucket, key, versionIds }: Visit, content: string): Promise<string> {
  const { VersionId = 'null', ETag = '' } = await bucket.s3.send(
    new PutObjectCommand({
      Bucket: bucket.name,
      Key: key,
      Body: content,
      ContentType: DETAILS.contentType,
      Metadata: DETAILS.metadata,
      Tagging: 'kind=check',
    }),
  )
  versionIds.push(VersionId)
  return ETag.replaceAll('"', '')
}

/** Waits until the catalog has exactly this history, newest first. */
async function followed(
  visit: Visit,
  expected: Pick<StoredVersion, 'versionId' | 'isLatest' | 'isDeleteMarker'>[],
): Promise<void> {
  await until(
    () => ask<Page<Wire<StoredVersion>>>(visit.place, '/versions', named(visit)),
    ({ items }) => {
      const seen = items.map(({ versionId, isLatest, isDeleteMarker }) => ({ versionId, isLatest, isDeleteMarker }))
      return JSON.stringify(seen) === JSON.stringify(expected) ? undefined : `the history is ${JSON.stringify(seen)}`
    },
  )
}

function named({ bucket, key }: Visit): { bucket: string; key: string } {
  return { bucket: bucket.name, key }
}
