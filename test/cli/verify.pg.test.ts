import { ListObjectVersionsCommand } from '@aws-sdk/client-s3'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, connect } from '../../shared/connection.ts'
import { type TestCatalog, testCatalog } from './catalog.ts'

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

test('the demo plays all of its story, and leaves nothing in the bucket when it is to be clean', async () => {
  const { code, stdout, stderr } = await given.run('demo', '--clean')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout.match(/^\d\. /gm)).toHaveLength(8)
  expect(stdout).toContain('The catalog answered as it should.')
  expect(await inBucket()).toEqual([])
})

test('the demo can be played again over what an earlier one left', async () => {
  expect((await given.run('demo')).code).toBe(0)
  expect((await given.run('demo')).code).toBe(0)
  expect(await inBucket()).toEqual(Array(2).fill('demo/finance/invoice-2024-001.txt'))
  expect((await given.run('demo', '--clean')).code).toBe(0)
})

test('a sound installation passes every check, and nothing stays in the bucket', async () => {
  const { code, stdout, stderr } = await given.run('verify')
  expect({ code, stderr, marks: marksOf(stdout) }).toEqual({
    code: 0,
    stderr: '',
    marks: Object.fromEntries(CHECKS.map(name => [name, '✓'])),
  })
  expect(await inBucket()).toEqual([])
})

test('what is broken fails with its reason, and the other checks go on', async () => {
  await sql`drop index storage_hooks_name`
  const sqs = new SQSClient({
    endpoint: given.catalog.s3Url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  })
  await sqs.send(new SendMessageCommand({ QueueUrl: given.catalog.deadLetterQueueUrl, MessageBody: 'dead' }))
  const { code, stdout, stderr } = await given.run('verify')
  expect({ code, stderr }).toEqual({ code: 1, stderr: 'catalog: 2 of 17 checks failed\n' })
  expect(Object.entries(marksOf(stdout)).filter(([, mark]) => mark !== '✓')).toEqual([
    ['schema', '✗'],
    ['no dead letters', '✗'],
  ])
  expect(stdout).toMatch(/✗ schema .* differs from migrations\/schema.sql in line \d+: /)
  expect(stdout).toMatch(/✗ no dead letters .* 1 event could not be indexed: npx catalog dead-letters/)
  sqs.destroy()
})

test('what needs a part that is not there is left out, and that part is told', async () => {
  const { code, stdout } = await given.run('verify', '--bucket', 'absent')
  expect(code).toBe(1)
  expect(stdout).toMatch(/✗ bucket .* There is no bucket absent at/)
  expect(stdout).toMatch(/– write and read .* needs bucket/)
  expect(stdout).toMatch(/✓ API /)
})

const CHECKS = [
  'database connection',
  'migrations',
  'schema',
  'tables and indexes',
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
]

function marksOf(stdout: string): Record<string, string> {
  return Object.fromEntries([...stdout.matchAll(/^([✓✗–]) (.+?) +\d+ ms/gm)].map(([, mark, name]) => [name, mark]))
}

async function inBucket(): Promise<(string | undefined)[]> {
  const { Versions = [], DeleteMarkers = [] } = await given.s3.send(new ListObjectVersionsCommand({ Bucket: 'catalog' }))
  return [...Versions, ...DeleteMarkers].map(({ Key }) => Key)
}
