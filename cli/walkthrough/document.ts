import { PutObjectCommand } from '@aws-sdk/client-s3'
import type { StoredObject } from '../../shared/catalog/objects.ts'
import type { StoredVersion } from '../../shared/catalog/versions.ts'
import type { Bucket } from '../connect/bucket.ts'
import { getJson, type Jsonify } from '../connect/get-json.ts'
import type { Target } from '../connect/target.ts'
import { CliError } from '../terminal/cli-error.ts'
import type { ListPage } from '../terminal/print-list.ts'
import { pollUntil } from './poll.ts'

/** The document of a walkthrough: where it is, what it contains, and the searches that find it. `versionIds` are those written so far, oldest first. */
export type Document = {
  target: Target
  bucket: Bucket
  key: string
  contents: [first: string, second: string]
  contentType: string
  metadata: Record<string, string>
  tags: Record<string, string>
  queries: string[]
  versionIds: string[]
  timeoutMs?: number
}

/** What a version in a history is compared by. */
export type HistoryEntry = Pick<StoredVersion, 'versionId' | 'isLatest' | 'isDeleteMarker'>

/** Query parameters that select the document. */
export function keyQuery({ bucket, key }: Document): { bucket: string; key: string } {
  return { bucket: bucket.name, key }
}

/** The folder of the document, with its slash. */
export function folderOf({ key }: Document): string {
  return key.replace(/[^/]*$/, '')
}

/** Uploads a version of the document. Returns its version id and ETag. Throws CliError when the bucket is not versioned. */
export async function putVersion(document: Document, content: string): Promise<{ versionId: string; etag: string }> {
  const { bucket, key, contentType, metadata, tags, versionIds } = document
  const { VersionId, ETag = '' } = await bucket.s3.send(
    new PutObjectCommand({
      Bucket: bucket.name,
      Key: key,
      Body: content,
      ContentType: contentType,
      Metadata: metadata,
      Tagging: new URLSearchParams(tags).toString(),
    }),
  )
  if (!VersionId) throw new CliError(`Bucket ${bucket.name} is not versioned: enable versioning, or choose another with --bucket`)
  versionIds.push(VersionId)
  return { versionId: VersionId, etag: ETag.replaceAll('"', '') }
}

/** The keys that the catalog lists with a prefix, at most one page. */
export async function listKeys({ target, bucket }: Document, prefix: string): Promise<string[]> {
  const query = { bucket: bucket.name, prefix, limit: 1000 }
  const { items } = await getJson<ListPage<Jsonify<StoredObject>>>(target, '/objects', query)
  return items.map(({ key }) => key)
}

/** Waits until the catalog has exactly these versions of the document, newest first, and returns them. */
export async function waitForHistory(document: Document, expected: HistoryEntry[]): Promise<Jsonify<StoredVersion>[]> {
  const { items } = await pollUntil(
    () => getJson<ListPage<Jsonify<StoredVersion>>>(document.target, '/versions', keyQuery(document)),
    page => {
      const history = page.items.map(({ versionId, isLatest, isDeleteMarker }) => ({ versionId, isLatest, isDeleteMarker }))
      return JSON.stringify(history) === JSON.stringify(expected) ? undefined : `the history is ${JSON.stringify(history)}`
    },
    document.timeoutMs,
  )
  return items
}
