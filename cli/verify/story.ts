import { DeleteObjectCommand, GetBucketVersioningCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import type { AuditEntry } from '../../shared/catalog/audit.ts'
import type { StoredObject } from '../../shared/catalog/objects.ts'
import type { Statistics } from '../../shared/catalog/statistics.ts'
import type { StoredVersion } from '../../shared/catalog/versions.ts'
import { checkBucketAccess } from '../connect/bucket.ts'
import { getJson, type Jsonify } from '../connect/get-json.ts'
import { deleteAllVersions } from '../story/delete-key.ts'
import { assertEqual, pollUntil } from '../story/poll.ts'
import { CliError } from '../terminal/cli-error.ts'
import { formatCount } from '../terminal/print.ts'
import type { Page } from '../terminal/print-list.ts'
import type { Check, CheckContext } from './check.ts'

/** An object's life through S3 and the API, from its first version to its end. */
export const storyChecks: Check[] = [
  { name: 'API', run: checkApi },
  { name: 'bucket', run: checkBucket },
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

async function checkApi({ target }: CheckContext): Promise<string> {
  await getJson(target, '/health')
  return target.apiUrl
}

async function checkBucket({ bucket }: CheckContext): Promise<string> {
  await checkBucketAccess(bucket)
  const { Status } = await bucket.s3.send(new GetBucketVersioningCommand({ Bucket: bucket.name }))
  if (Status !== 'Enabled') throw new CliError(`bucket ${bucket.name} does not keep versions: enable versioning`)
  return `${bucket.name} at ${bucket.address}, versioned`
}

async function writeAndRead(context: CheckContext): Promise<string> {
  const start = performance.now()
  const sent = await put(context, 'first')
  const object = await pollUntil(
    () => getJson<Jsonify<StoredObject>>(context.target, '/object', objectQuery(context)),
    ({ versionId }) => (versionId === context.versionIds[0] ? undefined : 'the catalog has another version'),
  )
  const { size, contentType, metadata, tags, etag } = object
  assertEqual('What the catalog knows', { size, contentType, metadata, tags, etag }, { ...DETAILS, size: 5, etag: sent })
  return `in the catalog after ${Math.round(performance.now() - start)} ms`
}

async function list(context: CheckContext): Promise<string> {
  const prefix = context.key.replace(/[^/]*$/, '')
  const { items } = await getJson<Page<Jsonify<StoredObject>>>(context.target, '/objects', {
    bucket: context.bucket.name,
    prefix,
  })
  assertEqual(
    'The list',
    items.map(({ key }) => key),
    [context.key],
  )
  return 'found by its prefix'
}

async function search(context: CheckContext): Promise<string> {
  for (const q of [context.word, `${context.word.slice(0, -3)}*`]) {
    const { items } = await getJson<Page<Jsonify<StoredObject>>>(context.target, '/search', { q, bucket: context.bucket.name })
    assertEqual(
      `What is found by ${q}`,
      items.map(({ key }) => key),
      [context.key],
    )
  }
  return 'found by a word and by the beginning of one'
}

async function versions(context: CheckContext): Promise<string> {
  await put(context, 'second')
  const expected = context.versionIds
    .toReversed()
    .map((versionId, target) => ({ versionId, isLatest: target === 0, isDeleteMarker: false }))
  await waitForHistory(context, expected)
  return 'both versions, the new one latest'
}

async function download(context: CheckContext): Promise<string> {
  const versionId = context.versionIds[0]
  const { url } = await getJson<{ url: string }>(context.target, '/download', { ...objectQuery(context), versionId })
  const response = await fetch(url)
  assertEqual('The answer', { status: response.status, text: await response.text() }, { status: 200, text: 'first' })
  return 'the first version, by a presigned URL'
}

async function audit(context: CheckContext): Promise<string> {
  const entries = await pollUntil(
    async () => (await getJson<Page<Jsonify<AuditEntry>>>(context.target, '/audit', objectQuery(context))).items,
    ({ length }) => (length >= 3 ? undefined : `${formatCount(length, 'entry')} instead of three`),
  )
  assertEqual('What was done', entries.map(({ action, success }) => `${action} ${success}`).sort(), [
    'DOWNLOAD true',
    'UPLOAD true',
    'UPLOAD true',
  ])
  return 'two uploads and a download'
}

async function statistics(context: CheckContext): Promise<string> {
  const s = await getJson<Jsonify<Statistics>>(context.target, '/statistics', { bucket: context.bucket.name })
  if (s.objects < 1 || s.bytes < 5 || s.versions < context.versionIds.length) {
    throw new CliError(`they leave the object out: ${s.objects} objects, ${s.bytes} bytes, ${s.versions} versions`)
  }
  return `${formatCount(s.objects, 'object')}, ${formatCount(s.versions, 'version')}`
}

async function remove(context: CheckContext): Promise<string> {
  const { bucket, key, versionIds } = context
  const { VersionId = '' } = await bucket.s3.send(new DeleteObjectCommand({ Bucket: bucket.name, Key: key }))
  const old = versionIds.toReversed().map(versionId => ({ versionId, isLatest: false, isDeleteMarker: false }))
  await waitForHistory(context, [{ versionId: VersionId, isLatest: true, isDeleteMarker: true }, ...old])
  const { items } = await getJson<Page<Jsonify<StoredObject>>>(context.target, '/objects', { bucket: bucket.name, prefix: key })
  assertEqual('The list', items, [])
  return 'hidden by a delete marker, its versions kept'
}

async function clean(context: CheckContext): Promise<string> {
  const deleted = await deleteAllVersions(context.bucket, context.key)
  if (deleted > 0) await waitForHistory(context, [])
  return `${formatCount(deleted, 'version')} deleted`
}

const DETAILS = { size: 0, contentType: 'text/plain', metadata: { purpose: 'verify' }, tags: { kind: 'check' }, etag: '' }

/** Answers the ETag. */
async function put({ bucket, key, versionIds }: CheckContext, content: string): Promise<string> {
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
async function waitForHistory(
  context: CheckContext,
  expected: Pick<StoredVersion, 'versionId' | 'isLatest' | 'isDeleteMarker'>[],
): Promise<void> {
  await pollUntil(
    () => getJson<Page<Jsonify<StoredVersion>>>(context.target, '/versions', objectQuery(context)),
    ({ items }) => {
      const seen = items.map(({ versionId, isLatest, isDeleteMarker }) => ({ versionId, isLatest, isDeleteMarker }))
      return JSON.stringify(seen) === JSON.stringify(expected) ? undefined : `the history is ${JSON.stringify(seen)}`
    },
  )
}

function objectQuery({ bucket, key }: CheckContext): { bucket: string; key: string } {
  return { bucket: bucket.name, key }
}
