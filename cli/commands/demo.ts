import { PutObjectCommand } from '@aws-sdk/client-s3'
import type { Command } from 'commander'
import type { AuditEntry } from '../../shared/catalog/audit.ts'
import type { StoredObject } from '../../shared/catalog/objects.ts'
import type { Statistics } from '../../shared/catalog/statistics.ts'
import type { StoredVersion } from '../../shared/catalog/versions.ts'
import { type Bucket, checkBucketAccess, openBucket } from '../connect/bucket.ts'
import { getJson, type Jsonify } from '../connect/get-json.ts'
import { addTargetOptions, npxCommand, resolveTarget, type Target, type TargetFlags } from '../connect/target.ts'
import { deleteAllVersions } from '../story/delete-key.ts'
import { assertEqual, pollUntil } from '../story/poll.ts'
import { CliError } from '../terminal/cli-error.ts'
import { bold, formatCount, formatSize, formatTime, printable, printLine, printNext, shellQuote } from '../terminal/print.ts'
import type { Page } from '../terminal/print-list.ts'

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
  addTargetOptions(command)
}

const KEY = 'demo/finance/invoice-2024-001.txt'

/** Who plays: the catalog, the bucket, and the version ids that the bucket gave, oldest first. */
type DemoContext = { target: Target; bucket: Bucket; versionIds: string[] }

async function demo(flags: TargetFlags & { clean?: boolean }): Promise<void> {
  const target = resolveTarget(flags)
  const bucket = openBucket(target)
  await getJson(target, '/health')
  await checkBucketAccess(bucket)
  const context: DemoContext = { target: { ...target, bucket: bucket.name }, bucket, versionIds: [] }
  await deleteAllVersions(bucket, KEY)
  await waitUntilGone(context)
  try {
    for (const [number, [title, play]] of steps.entries()) {
      printLine(bold(`${number + 1}. ${title}`))
      for (const line of await play(context)) printLine(`   ${line}`)
    }
  } finally {
    if (flags.clean) await cleanUp(context)
  }
  printLine('The catalog answered as it should.')
  const look = [`versions ${shellQuote(KEY)}`, `audit ${shellQuote(KEY)}`]
  printNext(...[...(flags.clean ? [] : look), 'upload <folder>'].map(words => npxCommand(words, flags)))
}

/** Each does one thing, sees that the catalog follows, and answers what it did and saw. */
const steps: [string, (context: DemoContext) => Promise<string[]>][] = [
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

async function uploadFirst(context: DemoContext): Promise<string[]> {
  const start = performance.now()
  await put(context, FIRST)
  const object = await pollUntil(
    () => getJson<Jsonify<StoredObject>>(context.target, '/object', documentQuery(context)),
    ({ versionId, tags }) =>
      versionId === context.versionIds[0] && tags.status === 'sent' ? undefined : 'the catalog has another version',
  )
  assertEqual('Its metadata', object.metadata, { customer: 'Kestrel' })
  const ms = Math.round(performance.now() - start)
  return [
    `put ${KEY} into bucket ${context.bucket.name}`,
    `the catalog had it after ${ms} ms: ${formatSize(object.size)}, ${object.contentType}`,
  ]
}

async function findByWord(context: DemoContext): Promise<string[]> {
  return [...(await search(context, 'invoice 2024')), ...(await search(context, 'kestrel'))]
}

async function findByPrefix(context: DemoContext): Promise<string[]> {
  return search(context, 'invo*')
}

async function uploadSecond(context: DemoContext): Promise<string[]> {
  await put(context, SECOND)
  return [`put ${KEY} again, with other content`]
}

async function listVersions(context: DemoContext): Promise<string[]> {
  const { items } = await pollUntil(
    () => getJson<Page<Jsonify<StoredVersion>>>(context.target, '/versions', documentQuery(context)),
    page => (page.items.length === context.versionIds.length ? undefined : `${page.items.length} versions instead of two`),
  )
  const expected = context.versionIds.toReversed().map((versionId, target) => ({ versionId, isLatest: target === 0 }))
  const seen = items.map(({ versionId, isLatest }) => ({ versionId, isLatest }))
  assertEqual('The history', seen, expected)
  return items.map(
    v => `${printable(v.versionId)}  ${formatTime(v.lastModified)}  ${formatSize(v.size ?? 0)}${v.isLatest ? '  latest' : ''}`,
  )
}

async function download(context: DemoContext): Promise<string[]> {
  const versionId = context.versionIds[0]
  const { url } = await getJson<{ url: string }>(context.target, '/download', { ...documentQuery(context), versionId })
  const response = await fetch(url)
  const text = await response.text()
  if (!response.ok) throw new CliError(`The URL to download with answers ${response.status}`)
  assertEqual('What was downloaded', text, FIRST)
  return ['the API gave a URL that expires, and noted who asked', `S3 answered the old content: ${text.split('\n')[1]}`]
}

async function readAudit(context: DemoContext): Promise<string[]> {
  const own = ({ versionId, action }: Jsonify<AuditEntry>) => context.versionIds.includes(versionId ?? '') && action !== 'DELETE'
  const entries = await pollUntil(
    async () => (await getJson<Page<Jsonify<AuditEntry>>>(context.target, '/audit', documentQuery(context))).items.filter(own),
    found => (found.length === 3 ? undefined : `${formatCount(found.length, 'audit entry')} instead of three`),
  )
  assertEqual('What was done', entries.map(({ action }) => action).sort(), ['DOWNLOAD', 'UPLOAD', 'UPLOAD'])
  return entries.map(
    e => `${formatTime(e.occurredAt)}  ${e.action}  by ${printable(e.userName ?? e.userId ?? 'nobody')} from ${e.ipAddress}`,
  )
}

async function seeStatistics(context: DemoContext): Promise<string[]> {
  const s = await getJson<Jsonify<Statistics>>(context.target, '/statistics', { bucket: context.bucket.name })
  if (s.objects < 1 || s.versions < 2 || s.oldVersions < 1 || s.auditsLast24h < 3) {
    throw new CliError(`The statistics leave the document out: ${JSON.stringify({ ...s, growth: undefined })}`)
  }
  return [
    `${formatCount(s.objects, 'object')}, ${formatSize(s.bytes)}`,
    `${formatCount(s.oldVersions, 'old version')}, ${formatSize(s.oldVersionBytes)}`,
    `${formatCount(s.auditsLast24h, 'audit entry')} in the last 24 hours`,
  ]
}

async function put({ bucket, versionIds }: DemoContext, content: string): Promise<void> {
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
  if (!VersionId)
    throw new CliError(`Bucket ${bucket.name} keeps no versions: enable versioning, or choose another with --bucket`)
  versionIds.push(VersionId)
}

async function search(context: DemoContext, q: string): Promise<string[]> {
  const { items } = await pollUntil(
    () => getJson<Page<Jsonify<StoredObject>>>(context.target, '/search', { q, bucket: context.bucket.name, prefix: 'demo/' }),
    page => (page.items.some(({ key }) => key === KEY) ? undefined : `a search for ${q} does not find it`),
  )
  return [`a search for ${q} finds ${items.map(({ key }) => printable(key)).join(', ')}`]
}

async function cleanUp(context: DemoContext): Promise<void> {
  const deleted = await deleteAllVersions(context.bucket, KEY)
  await waitUntilGone(context)
  printLine(`Removed ${formatCount(deleted, 'version')} of ${KEY} from the bucket; the audit trail stays.`)
}

async function waitUntilGone(context: DemoContext): Promise<void> {
  await pollUntil(
    () => getJson<Page<Jsonify<StoredVersion>>>(context.target, '/versions', documentQuery(context)),
    ({ items }) => (items.length === 0 ? undefined : `the catalog still has ${formatCount(items.length, 'version')} of ${KEY}`),
  )
}

function documentQuery({ bucket }: DemoContext): { bucket: string; key: string } {
  return { bucket: bucket.name, key: KEY }
}
