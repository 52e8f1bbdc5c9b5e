import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { PutObjectCommand, type PutObjectCommandInput } from '@aws-sdk/client-s3'
import { test as base, expect } from 'vitest'
import type { Jsonify } from '../../cli/connect/get-json.ts'
import type { ListPage } from '../../cli/terminal/print-list.ts'
import type { AuditEntry } from '../../shared/catalog/audit.ts'
import type { StoredObject } from '../../shared/catalog/objects.ts'
import type { StoredVersion } from '../../shared/catalog/versions.ts'
import { deleteVersions } from '../../shared/s3/delete-versions.ts'
import type { Query } from './api.ts'
import type { Installation } from './installation.ts'

/** An installation, and a prefix of its bucket that nobody else uses. */
export type TestInstallation = Installation & { prefix: string }

/** vitest's `test` with the one installation of its file: `test('a claim', async ({ installation }) => { ... })`. */
export type ConformanceTest = ReturnType<typeof conformanceTest>

/** Opens an installation for a file of tests; afterwards everything that they wrote to the bucket is deleted permanently. */
export function conformanceTest(open: () => Promise<Installation>) {
  return base.extend<{ installation: TestInstallation }>({
    installation: [
      // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures a fixture needs
      async ({}, use) => {
        await using opened = await open()
        const installation = { ...opened, prefix: `conformance/${newWord()}/` }
        await use(installation)
        await deletePermanently(installation, installation.prefix)
        await waitFor(installation, () => listKeys(installation, ''), [])
      },
      { scope: 'file' },
    ],
  })
}

/** A new random word, of letters only, so that no search splits it. */
export function newWord(): string {
  return Array.from({ length: 16 }, () => 'abcdefghijklmnopqrstuvwxyz'[randomInt(26)]).join('')
}

/** Repeats a request until its result equals what is expected; throws vitest's difference after `timeoutSeconds`. */
export async function waitFor<T>(
  { timeoutSeconds }: Pick<TestInstallation, 'timeoutSeconds'>,
  request: () => Promise<T>,
  expected: T,
): Promise<T> {
  const end = performance.now() + timeoutSeconds * 1000
  for (;;) {
    try {
      const seen = await request()
      expect(seen).toEqual(expected)
      return seen
    } catch (error) {
      if (performance.now() > end) throw error
      await sleep(250)
    }
  }
}

/** Uploads an object below the prefix of the installation. Returns its key and version id. */
export async function put(
  { s3, bucket, prefix }: TestInstallation,
  name: string,
  body: string,
  more: Partial<PutObjectCommandInput> = {},
): Promise<{ key: string; versionId: string }> {
  const key = prefix + name
  const { VersionId } = await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ...more }))
  if (!VersionId) throw new Error(`Bucket ${bucket} keeps no versions: enable versioning`)
  return { key, versionId: VersionId }
}

/** The object in the catalog; undefined when there is none. */
export async function objectOf({ api, bucket }: TestInstallation, key: string): Promise<Jsonify<StoredObject> | undefined> {
  const { status, body } = await api.request('GET', '/object', { bucket, key })
  if (status === 404) return undefined
  expect({ status, body }).toMatchObject({ status: 200 })
  return body as Jsonify<StoredObject>
}

/** The history of a key, newest first. */
export async function versionsOf(installation: TestInstallation, key: string): Promise<Jsonify<StoredVersion>[]> {
  return (await read<ListPage<Jsonify<StoredVersion>>>(installation, '/versions', { bucket: installation.bucket, key })).items
}

/** The same as text: each version id, with `marker` and `latest` where they apply. */
export async function historyOf(installation: TestInstallation, key: string): Promise<string[]> {
  return (await versionsOf(installation, key)).map(({ versionId, isDeleteMarker, isLatest }) =>
    [versionId, isDeleteMarker && 'marker', isLatest && 'latest'].filter(Boolean).join(' '),
  )
}

/** The audit trail of a key, newest first. */
export async function auditOf(installation: TestInstallation, key: string): Promise<Jsonify<AuditEntry>[]> {
  return (await read<ListPage<Jsonify<AuditEntry>>>(installation, '/audit', { bucket: installation.bucket, key })).items
}

/** The actions of a key's audit trail, oldest first. */
export async function actionsOf(installation: TestInstallation, key: string): Promise<string[]> {
  return (await auditOf(installation, key)).map(({ action }) => action).reverse()
}

/** The keys that the catalog lists below the installation's prefix and a name; without the prefix. */
export async function listKeys(installation: TestInstallation, name: string): Promise<string[]> {
  const query = { bucket: installation.bucket, prefix: installation.prefix + name, limit: 1000 }
  const { items } = await read<ListPage<Jsonify<StoredObject>>>(installation, '/objects', query)
  return items.map(({ key }) => key.slice(installation.prefix.length))
}

/** The body of a GET that has to succeed; it is not validated. */
export async function read<T>({ api }: TestInstallation, path: string, query: Query = {}): Promise<T> {
  const { status, body } = await api.request('GET', path, query)
  expect({ status, body }).toMatchObject({ status: 200 })
  return body as T
}

/** Deletes every version and delete marker of the keys with a prefix. */
export async function deletePermanently({ s3, bucket }: TestInstallation, prefix: string): Promise<void> {
  await deleteVersions(s3, { bucket, prefix })
}
