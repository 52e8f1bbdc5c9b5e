import { PutObjectCommand } from '@aws-sdk/client-s3'
import type { Command } from 'commander'
import type { AuditEntry } from '../../shared/catalog/audit.ts'
import type { StoredObject } from '../../shared/catalog/objects.ts'
import type { Statistics } from '../../shared/catalog/statistics.ts'
import type { StoredVersion } from '../../shared/catalog/versions.ts'
import { ask, type Wire } from '../connect/ask.ts'
import { type Bucket, openBucket, reachBucket } from '../connect/bucket.ts'
import { findPlace, npx, type Place, type PlaceFlags, withPlace } from '../connect/where.ts'
import { deleteKey } from '../story/delete-key.ts'
import { expect, until } from '../story/until.ts'
import { Failure } from '../terminal/failure.ts'
import { bold, count, humanSize, humanTime, next, printable, quoted, say } from '../terminal/print.ts'
import type { Page } from '../terminal/show-list.ts'

/** `catalog demo`: the life of a document, told and checked step by step. */
export function addDemo(program: Command): void {
  const command = program
    .command('demo')
    .description(
      'play the life of a document: upload, find, replace, download, account for; fails if the catalog answers otherwise',
    )
    .option('--clean', `remove the document afterwards`)
    .addHelpText('after', `\nIt uses the key ${KEY}.`)
    .action(demo)
  withPlace(command)
}

const KEY = 'demo/finance/invoice-2024-001.txt'

/** Who plays: the catalog, the bucket, and the version ids that the bucket gave, oldest first. */
type Stage = { place: Place; bucket: Bucket; versionIds: string[] }

async function demo(flags: PlaceFlags & { clean?: boolean }): Promise<void> {
  const place = findPlace(flags)
  const bucket = openBucket(place)
  await ask(place, '/health')
  await reachBucket(bucket)
  const stage: Stage = { place: { ...place, bucket: bucket.name }, bucket, versionIds: [] }
  await deleteKey(bucket, KEY)
  await gone(stage)
  try {
    for (const [number, [title, play]] of scenes.entries()) {
      say(bold(`${number + 1}. ${title}`))
      for (const line of await play(stage)) say(`   ${line}`)
    }
  } finally {
    if (flags.clean) await clean(stage)
  }
  say('The catalog answered as it should.')
  const look = [`versions ${quoted(KEY)}`, `audit ${quoted(KEY)}`]
  next(...[...(flags.clean ? [] : look), 'upload <folder>'].map(words => npx(words, flags)))
}

/** Each does one thing, sees that the catalog follows, and answers what it did and saw. */
const scenes: [string, (stage: Stage) => Promise<string[]>][] = [
  ['Upload a document with metadata and tags', uploadFirst],
  ['Find it by a word of its name and by one of its metadata', findByWord],
  ['Find it by the beginning of a word', findByPrefix],
  ['Upload a new version', uploadSecond],
  ['List its versions', listVersions],
  ['Download the first version, tracked', download],
  ['Read the audit trail', readAudit],
  ['See the statistics', seeStatistics],
]

const FIRST = 'Invoice 2024-001\nThree boxes of pencils: 12.00\n'

const SECOND = 'Invoice 2024-001, corrected\nThree boxes of pencils: 11.00\n'

async function uploadFirst(stage: Stage): Promise<string[]> {
  const start = performance.now()
  await put(stage, FIRST)
  const object = await until(
    () => ask<Wire<StoredObject>>(stage.place, '/object', ofDocument(stage)),
    ({ versionId, tags }) =>
      versionId === stage.versionIds[0] && tags.status === 'sent' ? undefined : 'the catalog has another version',
  )
  expect('Its metadata', object.metadata, { customer: 'Kestrel' })
  const ms = Math.round(performance.now() - start)
  return [
    `put ${KEY} into bucket ${stage.bucket.name}`,
    `the catalog had it after ${ms} ms: ${humanSize(object.size)}, ${object.contentType}`,
  ]
}

async function findByWord(stage: Stage): Promise<string[]> {
  return [...(await search(stage, 'invoice 2024')), ...(await search(stage, 'kestrel'))]
}

async function findByPrefix(stage: Stage): Promise<string[]> {
  return search(stage, 'invo*')
}

async function uploadSecond(stage: Stage): Promise<string[]> {
  await put(stage, SECOND)
  return [`put ${KEY} again, with other content`]
}

async function listVersions(stage: Stage): Promise<string[]> {
  const { items } = await until(
    () => ask<Page<Wire<StoredVersion>>>(stage.place, '/versions', ofDocument(stage)),
    page => (page.items.length === stage.versionIds.length ? undefined : `${page.items.length} versions instead of two`),
  )
  const expected = stage.versionIds.toReversed().map((versionId, place) => ({ versionId, isLatest: place === 0 }))
  const seen = items.map(({ versionId, isLatest }) => ({ versionId, isLatest }))
  expect('The history', seen, expected)
  return items.map(
    v => `${printable(v.versionId)}  ${humanTime(v.lastModified)}  ${humanSize(v.size ?? 0)}${v.isLatest ? '  latest' : ''}`,
  )
}

async function download(stage: Stage): Promise<string[]> {
  const versionId = stage.versionIds[0]
  const { url } = await ask<{ url: string }>(stage.place, '/download', { ...ofDocument(stage), versionId })
  const response = await fetch(url)
  const text = await response.text()
  if (!response.ok) throw new Failure(`The URL to download with answers ${response.status}`)
  expect('What was downloaded', text, FIRST)
  return ['the API gave a URL that expires, and noted who asked', `S3 answered the old content: ${text.split('\n')[1]}`]
}

async function readAudit(stage: Stage): Promise<string[]> {
  const own = ({ versionId, action }: Wire<AuditEntry>) => stage.versionIds.includes(versionId ?? '') && action !== 'DELETE'
  const entries = await until(
    async () => (await ask<Page<Wire<AuditEntry>>>(stage.place, '/audit', ofDocument(stage))).items.filter(own),
    found => (found.length === 3 ? undefined : `${count(found.length, 'audit entry')} instead of three`),
  )
  expect('What was done', entries.map(({ action }) => action).sort(), ['DOWNLOAD', 'UPLOAD', 'UPLOAD'])
  return entries.map(
    e => `${humanTime(e.occurredAt)}  ${e.action}  by ${printable(e.userName ?? e.userId ?? 'nobody')} from ${e.ipAddress}`,
  )
}

async function seeStatistics(stage: Stage): Promise<string[]> {
  const s = await ask<Wire<Statistics>>(stage.place, '/statistics', { bucket: stage.bucket.name })
  if (s.objects < 1 || s.versions < 2 || s.oldVersions < 1 || s.auditsLast24h < 3) {
    throw new Failure(`The statistics leave the document out: ${JSON.stringify({ ...s, growth: undefined })}`)
  }
  return [
    `${count(s.objects, 'object')}, ${humanSize(s.bytes)}`,
    `${count(s.oldVersions, 'old version')}, ${humanSize(s.oldVersionBytes)}`,
    `${count(s.auditsLast24h, 'audit entry')} in the last 24 hours`,
  ]
}

async function put({ bucket, versionIds }: Stage, content: string): Promise<void> {
  const { VersionId } = await bucket.s3.send(
    new PutObjectCommand({
      Bucket: bucket.name,
      Key: KEY,
      Body: content,
      ContentType: 'text/plain',
      Metadata: { customer: 'Kestrel' },
      Tagging: 'status=sent',
    }),
  )
  if (!VersionId) throw new Failure(`Bucket ${bucket.name} keeps no versions: enable versioning, or choose another with --bucket`)
  versionIds.push(VersionId)
}

async function search(stage: Stage, q: string): Promise<string[]> {
  const { items } = await until(
    () => ask<Page<Wire<StoredObject>>>(stage.place, '/search', { q, bucket: stage.bucket.name, prefix: 'demo/' }),
    page => (page.items.some(({ key }) => key === KEY) ? undefined : `a search for ${q} does not find it`),
  )
  return [`a search for ${q} finds ${items.map(({ key }) => printable(key)).join(', ')}`]
}

async function clean(stage: Stage): Promise<void> {
  const deleted = await deleteKey(stage.bucket, KEY)
  await gone(stage)
  say(`Removed ${count(deleted, 'version')} of ${KEY} from the bucket; the audit trail stays.`)
}

async function gone(stage: Stage): Promise<void> {
  await until(
    () => ask<Page<Wire<StoredVersion>>>(stage.place, '/versions', ofDocument(stage)),
    ({ items }) => (items.length === 0 ? undefined : `the catalog still has ${count(items.length, 'version')} of ${KEY}`),
  )
}

function ofDocument({ bucket }: Stage): { bucket: string; key: string } {
  return { bucket: bucket.name, key: KEY }
}
