import { DeleteObjectCommand } from '@aws-sdk/client-s3'
import type { AuditEntry } from '../../shared/catalog/audit.ts'
import type { StoredObject } from '../../shared/catalog/objects.ts'
import type { Statistics } from '../../shared/catalog/statistics.ts'
import { getJson, type Jsonify } from '../connect/get-json.ts'
import { CliError } from '../terminal/cli-error.ts'
import { formatCount, formatSize, printable } from '../terminal/print.ts'
import type { ListPage } from '../terminal/print-list.ts'
import { formatTime } from '../terminal/time.ts'
import { type Document, folderOf, keyQuery, listKeys, putVersion, waitForHistory } from './document.ts'
import { assertEqual, pollUntil } from './poll.ts'

/** The result of a step: one sentence, and lines with what it saw. */
export type StepResult = { summary: string; details: string[] }

/**
 * A step in the life of a document: it changes the bucket or reads the API, and throws CliError unless the catalog is right. `name` identifies it,
 * `title` says what it does, `needs` are the steps before it.
 */
export type Step = { name: string; title: string; needs: string[]; run: (document: Document) => Promise<StepResult> }

/** The life of a document up to its deletion. `catalog demo` prints it, `catalog verify` and the conformance suite check it. */
export const walkthroughSteps: Step[] = [
  { name: 'write and read', title: 'Upload a document with metadata and tags', needs: [], run: uploadFirst },
  { name: 'list', title: 'List its folder', needs: ['write and read'], run: listFolder },
  { name: 'search', title: 'Find it by words, metadata and a prefix', needs: ['write and read'], run: search },
  { name: 'versions', title: 'Upload a new version and list both', needs: ['write and read'], run: uploadSecond },
  { name: 'download', title: 'Download the first version by a presigned URL', needs: ['versions'], run: download },
  { name: 'audit', title: 'Read the audit trail', needs: ['download'], run: readAudit },
  { name: 'statistics', title: 'Read the statistics', needs: ['versions'], run: readStatistics },
]

/** The last step: the document is deleted, its versions are kept. */
export const deleteStep: Step = { name: 'delete', title: 'Delete the document', needs: ['versions'], run: deleteDocument }

async function uploadFirst(document: Document): Promise<StepResult> {
  const start = performance.now()
  const sent = await putVersion(document, document.contents[0])
  const object = await pollUntil(
    () => getJson<Jsonify<StoredObject>>(document.target, '/object', keyQuery(document)),
    ({ versionId }) => (versionId === sent.versionId ? undefined : 'the catalog has another version'),
    document.timeoutMs,
  )
  const ms = Math.round(performance.now() - start)
  const { size, etag, contentType, storageBackend, storageClass, metadata, tags } = object
  assertEqual(
    'The object in the catalog',
    { size, etag, contentType, storageBackend, storageClass, metadata, tags },
    {
      size: Buffer.byteLength(document.contents[0]),
      etag: sent.etag,
      contentType: document.contentType,
      storageBackend: 's3',
      storageClass: 'STANDARD',
      metadata: document.metadata,
      tags: document.tags,
    },
  )
  return {
    summary: `in the catalog after ${ms} ms`,
    details: [
      `uploaded ${document.key} to bucket ${document.bucket.name}`,
      `in the catalog after ${ms} ms: ${formatSize(size)}, ${contentType}`,
    ],
  }
}

async function listFolder(document: Document): Promise<StepResult> {
  const keys = await listKeys(document, folderOf(document))
  assertFound(document, `The list of ${folderOf(document)}`, keys)
  return { summary: 'found by its prefix', details: keys.map(printable) }
}

async function search(document: Document): Promise<StepResult> {
  const details = []
  for (const q of document.queries) {
    const query = { q, bucket: document.bucket.name, prefix: folderOf(document) }
    const { items } = await getJson<ListPage<Jsonify<StoredObject>>>(document.target, '/search', query)
    const keys = items.map(({ key }) => key)
    assertFound(document, `The search for ${q}`, keys)
    details.push(`${q}: ${keys.map(printable).join(', ')}`)
  }
  return { summary: `found by ${document.queries.length} searches`, details }
}

async function uploadSecond(document: Document): Promise<StepResult> {
  await putVersion(document, document.contents[1])
  const expected = document.versionIds
    .toReversed()
    .map((versionId, n) => ({ versionId, isLatest: n === 0, isDeleteMarker: false }))
  const versions = await waitForHistory(document, expected)
  return {
    summary: 'both versions, the new one is the latest',
    details: versions.map(({ versionId, lastModified, size, isLatest }) =>
      `${printable(versionId)}  ${formatTime(lastModified)}  ${formatSize(size ?? 0)}  ${isLatest ? 'latest' : ''}`.trimEnd(),
    ),
  }
}

async function download(document: Document): Promise<StepResult> {
  const query = { ...keyQuery(document), versionId: document.versionIds[0] }
  const { url } = await getJson<{ url: string }>(document.target, '/download', query)
  const response = await fetch(url)
  const [first] = document.contents
  assertEqual('The download', { status: response.status, text: await response.text() }, { status: 200, text: first })
  return { summary: 'the first version, by a presigned URL', details: first.trimEnd().split('\n') }
}

async function readAudit(document: Document): Promise<StepResult> {
  const isOwn = ({ versionId, action }: Jsonify<AuditEntry>) =>
    document.versionIds.includes(versionId ?? '') && action !== 'DELETE'
  const entries = await pollUntil(
    async () => (await getJson<ListPage<Jsonify<AuditEntry>>>(document.target, '/audit', keyQuery(document))).items.filter(isOwn),
    ({ length }) => (length >= 3 ? undefined : `${formatCount(length, 'audit entry')} instead of 3`),
    document.timeoutMs,
  )
  const actions = entries.map(({ action, success }) => `${action} ${success}`)
  assertEqual('The audit trail', actions.sort(), ['DOWNLOAD true', 'UPLOAD true', 'UPLOAD true'])
  return {
    summary: 'two uploads and a download',
    details: entries.map(({ occurredAt, action, userName, userId, ipAddress }) =>
      printable(`${formatTime(occurredAt)}  ${action}  by ${userName ?? userId ?? 'unknown'} from ${ipAddress ?? 'unknown'}`),
    ),
  }
}

async function readStatistics(document: Document): Promise<StepResult> {
  const s = await getJson<Jsonify<Statistics>>(document.target, '/statistics', { bucket: document.bucket.name })
  const old = document.versionIds.length - 1
  if (s.objects < 1 || s.versions < old + 1 || s.oldVersions < old || s.bytes < 1 || s.oldVersionBytes < 1) {
    throw new CliError(`the document is not counted: ${JSON.stringify({ ...s, growth: undefined })}`)
  }
  return {
    summary: `${formatCount(s.objects, 'object')}, ${formatCount(s.versions, 'version')}`,
    details: [
      `${formatCount(s.objects, 'object')}, ${formatSize(s.bytes)}`,
      `${formatCount(s.oldVersions, 'old version')}, ${formatSize(s.oldVersionBytes)}`,
      `${formatCount(s.auditsLast24h, 'audit entry')} in the last 24 hours`,
    ],
  }
}

async function deleteDocument(document: Document): Promise<StepResult> {
  const { bucket, key, versionIds } = document
  const { VersionId: markerId = '' } = await bucket.s3.send(new DeleteObjectCommand({ Bucket: bucket.name, Key: key }))
  const kept = versionIds.toReversed().map(versionId => ({ versionId, isLatest: false, isDeleteMarker: false }))
  await waitForHistory(document, [{ versionId: markerId, isLatest: true, isDeleteMarker: true }, ...kept])
  assertEqual('The list', await listKeys(document, key), [])
  return { summary: 'hidden by a delete marker, its versions kept', details: [] }
}

/** The folder may have other keys too. */
function assertFound({ key }: Document, what: string, keys: string[]): void {
  const found = keys.filter(other => other === key).length
  if (found !== 1) throw new CliError(`${what} has ${key} ${found} times: ${JSON.stringify(keys)}`)
}
