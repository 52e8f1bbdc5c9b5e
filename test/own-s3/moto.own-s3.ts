import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectTaggingCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../local/ports.ts'
import { type Client, connect } from '../../shared/database/connection.ts'
import { makeDataFolder } from '../support/postgres/data-folder.ts'
import { type RunningCatalog, runCatalog } from '../support/running-catalog.ts'
import { currentOf, makeBucket, objectsInCatalog, testClient, versionsInBucket, versionsInCatalog } from '../support/s3/bucket.ts'

const KEYS = ['a+b', '100%', 'x%7Ez', 'a b', 'ü/😀', 'folder/', 'plain.pdf']

let moto: ChildProcess
let s3: S3Client
let folder: string
let catalog: RunningCatalog
let sql: Client

beforeAll(async () => {
  const port = await freePort('s3')
  const endpoint = `http://127.0.0.1:${port}`
  moto = spawn(process.env.CATALOG_MOTO ?? 'moto_server', ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  moto.on('error', error => console.error(error))
  while (!(await answers(endpoint))) await sleep(100)
  s3 = testClient(endpoint)
  await makeBucket(s3, 'docs', 'Enabled')
  await put('before')
  folder = await makeDataFolder('storage-catalog-moto-')
  catalog = await runCatalog(folder, {
    CATALOG_S3_ENDPOINT: endpoint,
    CATALOG_BUCKET: 'docs',
    CATALOG_POLL_SECONDS: '1',
    CATALOG_WEBHOOK_PORT: '0',
    AWS_ACCESS_KEY_ID: 'tester',
    AWS_SECRET_ACCESS_KEY: 'secret',
  })
  sql = connect({ url: catalog.databaseUrl, max: 2 })
}, 120_000)

afterAll(async () => {
  await sql?.end({ timeout: 5 })
  await catalog?.[Symbol.asyncDispose]()
  s3?.destroy()
  if (moto && moto.exitCode === null) {
    const exited = once(moto, 'exit')
    moto.kill()
    await exited
  }
  if (folder) await rm(folder, { recursive: true, force: true })
})

test('what was in the bucket before the start is in the catalog', () => expectEqual())

test('uploads and overwrites are found by comparing', async () => {
  for (const key of KEYS) for (const body of ['1', '22']) await put(key, body)
  await s3.send(new CopyObjectCommand({ Bucket: 'docs', Key: 'copy', CopySource: 'docs/plain.pdf' }))
  await expectEqual()
})

test('deletes, delete markers and undeletes are found by comparing', async () => {
  for (const key of ['a+b', '100%', 'ü/😀']) await s3.send(new DeleteObjectCommand({ Bucket: 'docs', Key: key }))
  const [version] = (await versionsInBucket(s3, 'docs')).filter(({ key }) => key === 'x%7Ez')
  await s3.send(new DeleteObjectCommand({ Bucket: 'docs', Key: 'x%7Ez', VersionId: String(version?.versionId) }))
  const [marker] = (await versionsInBucket(s3, 'docs')).filter(({ key, isDeleteMarker }) => key === '100%' && isDeleteMarker)
  await s3.send(new DeleteObjectCommand({ Bucket: 'docs', Key: '100%', VersionId: String(marker?.versionId) }))
  await expectEqual()
})

test('tags, which no listing shows, are found by a notification to the webhook', async () => {
  const name = { Bucket: 'docs', Key: 'plain.pdf' }
  await s3.send(new PutObjectTaggingCommand({ ...name, Tagging: { TagSet: [{ Key: 'state', Value: 'signed' }] } }))
  expect(await notify('ObjectTagging:Put', name.Key)).toBe(200)
  await expectEqual()
  await s3.send(new DeleteObjectTaggingCommand(name))
  expect(await notify('ObjectTagging:Delete', name.Key)).toBe(200)
  await expectEqual()
})

test('tags are found without a notification when every version is asked again', async () => {
  const name = { Bucket: 'docs', Key: 'folder/' }
  await s3.send(new PutObjectTaggingCommand({ ...name, Tagging: { TagSet: [{ Key: 'state', Value: 'draft' }] } }))
  await expect.poll(startFullRun, { timeout: 60_000, interval: 500 }).toBe(true)
  await expectEqual()
})

test('the API lists and searches the bucket', async () => {
  const search = await fetch(`${catalog.apiUrl}/search?q=plain.pdf`)
  const found = (await search.json()) as { items: object[] }
  expect(found.items[0]).toMatchObject({ key: 'plain.pdf', bucket: 'docs' })
  const runs = await fetch(`${catalog.apiUrl}/reconciles?limit=100`)
  const { items } = (await runs.json()) as { items: { state: string }[] }
  expect(items.filter(({ state }) => state === 'failed' || state === 'incomplete')).toEqual([])
  expect(catalog.output()).not.toMatch(/error|could not be settled/i)
})

const answers = (url: string) =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  )

async function put(Key: string, Body = 'x'): Promise<void> {
  const facts = { ContentType: 'text/plain', Metadata: { body: Body }, Tagging: 'state=new' }
  await s3.send(new PutObjectCommand({ Bucket: 'docs', Key, Body, ...facts }))
}

/** Sends what moto sends: no version id, no sequencer. */
async function notify(eventName: string, key: string): Promise<number> {
  const eventTime = new Date().toISOString()
  const change = { bucket: { name: 'docs', arn: 'arn:aws:s3:::docs' }, object: { key, size: 1, eTag: 'e' } }
  const record = { eventVersion: '2.1', eventSource: 'aws:s3', eventTime, eventName, s3: change }
  const response = await fetch(catalog.webhookUrl ?? '', { method: 'POST', body: JSON.stringify({ Records: [record] }) })
  return response.status
}

/** Starts a reconcile of every version; false while another one works on the bucket. */
async function startFullRun(): Promise<boolean> {
  const body = JSON.stringify({ bucket: 'docs', sampleRate: 1, graceSeconds: 0, prefix: 'folder' })
  const response = await fetch(`${catalog.apiUrl}/reconciles`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  return response.ok
}

/** The catalog equals the bucket, version by version and object by object, with metadata and tags. */
async function expectEqual(): Promise<void> {
  await expect
    .poll(async () => ({ versions: await versionsInCatalog(sql, 'docs'), objects: await objectsInCatalog(sql, 'docs') }), {
      timeout: 60_000,
      interval: 500,
    })
    .toEqual(await truth())
}

async function truth() {
  const versions = await versionsInBucket(s3, 'docs')
  return { versions, objects: currentOf(versions) }
}
