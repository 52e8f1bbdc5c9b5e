import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  DeleteObjectsCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  PutObjectCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3'
import { test as base, expect } from 'vitest'
import type { Jsonify } from '../../cli/connect/get-json.ts'
import type { Page } from '../../cli/terminal/print-list.ts'
import type { AuditEntry } from '../../shared/catalog/audit.ts'
import type { StoredObject } from '../../shared/catalog/objects.ts'
import type { StoredVersion } from '../../shared/catalog/versions.ts'
import type { Query } from './api.ts'
import type { Installation } from './installation.ts'

/** An installation, and a prefix of its bucket that nobody else uses. */
export type Scene = Installation & { prefix: string }

/** vitest's `test` with the one scene of its file: `test('a claim', async ({ scene }) => { ... })`. */
export type ConformanceTest = ReturnType<typeof conformanceTest>

/** Opens an installation for a file of tests; afterwards what they have put into the bucket is deleted for good. */
export function conformanceTest(open: () => Promise<Installation>) {
  return base.extend<{ scene: Scene }>({
    scene: [
      // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures a fixture needs
      async ({}, use) => {
        await using installation = await open()
        const scene = { ...installation, prefix: `conformance/${newWord()}/` }
        await use(scene)
        await deleteForGood(scene, scene.prefix)
        await eventually(scene, () => keysBelow(scene, ''), [])
      },
      { scope: 'file' },
    ],
  })
}

/** A word that nobody has used, of letters only, so that no search splits it. */
export function newWord(): string {
  return Array.from({ length: 16 }, () => 'abcdefghijklmnopqrstuvwxyz'[randomInt(26)]).join('')
}

/** Asks again and again until the answer equals what is expected; throws vitest's difference when the scene's patience is over. */
export async function eventually<T>({ patience }: Pick<Scene, 'patience'>, ask: () => Promise<T>, expected: T): Promise<T> {
  const end = performance.now() + patience * 1000
  for (;;) {
    try {
      const seen = await ask()
      expect(seen).toEqual(expected)
      return seen
    } catch (error) {
      if (performance.now() > end) throw error
      await sleep(250)
    }
  }
}

/** Puts an object below the scene's prefix and answers its version id and its key. */
export async function put(
  { s3, bucket, prefix }: Scene,
  name: string,
  body: string,
  more: Partial<PutObjectCommandInput> = {},
): Promise<{ key: string; versionId: string }> {
  const key = prefix + name
  const { VersionId } = await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ...more }))
  if (!VersionId) throw new Error(`Bucket ${bucket} keeps no versions: enable versioning`)
  return { key, versionId: VersionId }
}

/** What the catalog knows of an object; undefined when it knows none. */
export async function objectOf({ api, bucket }: Scene, key: string): Promise<Jsonify<StoredObject> | undefined> {
  const { status, body } = await api.ask('GET', '/object', { bucket, key })
  if (status === 404) return undefined
  expect({ status, body }).toMatchObject({ status: 200 })
  return body as Jsonify<StoredObject>
}

/** The history of a key, newest first. */
export async function versionsOf(scene: Scene, key: string): Promise<Jsonify<StoredVersion>[]> {
  return (await read<Page<Jsonify<StoredVersion>>>(scene, '/versions', { bucket: scene.bucket, key })).items
}

/** The same as text: a version id, and what is special about the version. */
export async function historyOf(scene: Scene, key: string): Promise<string[]> {
  return (await versionsOf(scene, key)).map(({ versionId, isDeleteMarker, isLatest }) =>
    [versionId, isDeleteMarker && 'marker', isLatest && 'latest'].filter(Boolean).join(' '),
  )
}

/** The audit trail of a key, newest first. */
export async function auditOf(scene: Scene, key: string): Promise<Jsonify<AuditEntry>[]> {
  return (await read<Page<Jsonify<AuditEntry>>>(scene, '/audit', { bucket: scene.bucket, key })).items
}

/** The actions of a key's audit trail, oldest first. */
export async function actionsOf(scene: Scene, key: string): Promise<string[]> {
  return (await auditOf(scene, key)).map(({ action }) => action).reverse()
}

/** The keys that the catalog lists below the scene's prefix and a name; without the prefix. */
export async function keysBelow(scene: Scene, name: string): Promise<string[]> {
  const query = { bucket: scene.bucket, prefix: scene.prefix + name, limit: 1000 }
  const { items } = await read<Page<Jsonify<StoredObject>>>(scene, '/objects', query)
  return items.map(({ key }) => key.slice(scene.prefix.length))
}

/** The body of a GET that has to succeed; it is believed to be what the route table says. */
export async function read<T>({ api }: Scene, path: string, query: Query = {}): Promise<T> {
  const { status, body } = await api.ask('GET', path, query)
  expect({ status, body }).toMatchObject({ status: 200 })
  return body as T
}

/** Deletes every version and delete marker below a prefix. */
export async function deleteForGood({ s3, bucket }: Scene, prefix: string): Promise<void> {
  for (;;) {
    const page: ListObjectVersionsCommandOutput = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix }))
    const found = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])]
    if (found.length === 0) return
    const Objects = found.map(({ Key, VersionId }) => ({ Key, VersionId }))
    const { Errors = [] } = await s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }))
    if (Errors.length > 0) throw new Error(`${Errors[0]?.Key} can't be deleted: ${Errors[0]?.Message}`)
  }
}
