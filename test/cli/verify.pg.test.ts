import { ListObjectVersionsCommand, PutObjectCommand, PutObjectTaggingCommand } from '@aws-sdk/client-s3'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, connect } from '../../shared/database/connection.ts'
import { startCommand, type TestCatalog, testCatalog } from './catalog.ts'

let given: TestCatalog
let sql: Client

beforeAll(async () => {
  given = await testCatalog()
  sql = connect({ url: given.catalog.databaseUrl, max: 1 })
})

afterAll(async () => {
  await sql?.end()
  await given?.[Symbol.asyncDispose]()
})

test('demo runs all of its steps, and with --clean leaves nothing in the bucket', async () => {
  const { code, stdout, stderr } = await given.run('demo', '--clean')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout.match(/^\d\. /gm)).toHaveLength(7)
  expect(stdout).toContain('All steps passed.')
  expect(await inBucket()).toEqual([])
})

test('demo can be run again over what an earlier run left', async () => {
  expect((await given.run('demo')).code).toBe(0)
  expect((await given.run('demo')).code).toBe(0)
  expect(await inBucket()).toEqual(Array(2).fill('demo/finance/invoice-2024-001.txt'))
  expect((await given.run('demo', '--clean')).code).toBe(0)
})

test('a healthy installation passes every check, and nothing is left in the bucket', async () => {
  const { code, stdout, stderr } = await given.run('verify')
  expect({ code, stderr, marks: marksOf(stdout) }).toEqual({
    code: 0,
    stderr: '',
    marks: Object.fromEntries(CHECKS.map(name => [name, '✓'])),
  })
  expect(await inBucket()).toEqual([])
})

test('a broken part fails with its reason, and the other checks still run', async () => {
  await sql`drop index catalog.storage_hooks_name`
  const sqs = new SQSClient({
    endpoint: given.catalog.s3Url,
    region: 'us-east-1',
    credentials: given.catalog,
  })
  await sqs.send(new SendMessageCommand({ QueueUrl: given.catalog.deadLetterQueueUrl, MessageBody: 'dead' }))
  const { code, stdout, stderr } = await given.run('verify')
  expect({ code, stderr }).toEqual({ code: 1, stderr: 'catalog: 2 of 18 checks failed\n' })
  expect(Object.entries(marksOf(stdout)).filter(([, mark]) => mark !== '✓')).toEqual([
    ['schema', '✗'],
    ['no dead letters', '✗'],
  ])
  expect(stdout).toMatch(/✗ schema .* differs from migrations\/schema.sql in line \d+: /)
  expect(stdout).toMatch(/✗ no dead letters .* 1 event could not be indexed: npx catalog dead-letters/)
  sqs.destroy()
})

test('a catalog that equals its bucket has its digest', async () => {
  await given.s3.send(new PutObjectCommand({ Bucket: 'catalog', Key: 'kept', Body: 'x' }))
  const { stdout } = await given.run('verify')
  const [, bucket, catalog] =
    /✓ catalog equals bucket .* bucket ([0-9a-f]{16} \(\d+ versions?\)), catalog (.*)$/m.exec(stdout) ?? []
  expect({ catalog }).toEqual({ catalog: bucket })
  expect(bucket).toMatch(/\(1 version\)$/)
})

test('a version missing in the catalog fails with both digests and the command that repairs it', async () => {
  await sql`with objects as (delete from catalog.storage_objects where key = 'kept') delete from catalog.storage_versions where key = 'kept'`
  const { code, stdout } = await given.run('verify', '--grace', '0', '--bucket', 'catalog')
  expect(code).toBe(1)
  expect(stdout).toMatch(
    /✗ catalog equals bucket .* 1 difference: bucket \w{16} \(1 version\), catalog 0{16} \(0 versions\); repair with npx catalog reconcile --bucket catalog\n {4}missing: kept \(\S+\)$/m,
  )
  const { stdout: without } = await given.run('verify', '--no-compare')
  expect(without).toMatch(/– catalog equals bucket .* not compared/)
  expect((await given.run('reconcile', '--grace', '0')).code).toBe(0)
  expect((await given.run('verify')).stdout).toContain('✓ catalog equals bucket')
})

test('a change whose event is on its way is not a difference', async () => {
  await given.s3.send(new PutObjectCommand({ Bucket: 'catalog', Key: 'young', Body: 'x' }))
  await expect.poll(() => sql`select from catalog.storage_versions where key = 'young'`, { timeout: 10_000 }).toHaveLength(1)
  // A version that differs waits for its event whatever its age is, so a short grace is enough.
  await sql`update catalog.storage_versions set etag = 'stale' where key = 'young'`
  const { child, ended } = given.start('verify', '--grace', '3')
  let stderr = ''
  child.stderr.on('data', chunk => (stderr += chunk))
  await expect.poll(() => stderr, { timeout: 20_000, interval: 10 }).toContain('waiting up to 3 s')
  // The event comes.
  await given.s3.send(new PutObjectTaggingCommand({ Bucket: 'catalog', Key: 'young', Tagging: { TagSet: [] } }))
  const { stdout } = await ended
  expect(stdout).toMatch(/✓ catalog equals bucket .*: they differ only in recent changes$/m)
})

test('without the address of the database the bucket and the catalog are compared through the API', async () => {
  const { apiUrl, s3Url, accessKeyId, secretAccessKey } = given.catalog
  const env = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey }
  const { stdout } = await startCommand(['verify', '--api', apiUrl, '--s3', s3Url, '--bucket', 'catalog'], env).ended
  expect(stdout).toMatch(/– schema .* needs migrations$/m)
  expect(stdout).toMatch(/✓ catalog equals bucket /)
})

test('checks that need a missing part are skipped, and that part fails', async () => {
  const { code, stdout } = await given.run('verify', '--bucket', 'absent')
  expect(code).toBe(1)
  expect(stdout).toMatch(/✗ bucket .* Bucket absent does not exist at/)
  expect(stdout).toMatch(/– write and read .* needs bucket/)
  expect(stdout).toMatch(/✓ API /)
})

const CHECKS = [
  'database connection',
  'migrations',
  'schema',
  'indexes and partitions',
  'API',
  'bucket',
  'write and read',
  'list',
  'search',
  'versions',
  'download',
  'audit',
  'statistics',
  'delete',
  'clean up',
  'queue drained',
  'no dead letters',
  'catalog equals bucket',
]

function marksOf(stdout: string): Record<string, string> {
  return Object.fromEntries([...stdout.matchAll(/^([✓✗–]) (.+?) +\d+ ms/gm)].map(([, mark, name]) => [name, mark]))
}

async function inBucket(): Promise<(string | undefined)[]> {
  const { Versions = [], DeleteMarkers = [] } = await given.s3.send(new ListObjectVersionsCommand({ Bucket: 'catalog' }))
  return [...Versions, ...DeleteMarkers].map(({ Key }) => Key)
}
