import { PutObjectCommand, type PutObjectCommandInput } from '@aws-sdk/client-s3'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CommandResult, eventually, startCommand, type TestCatalog, testCatalog } from './catalog.ts'

let given: TestCatalog

const KEYS = ['letters/a b+c%41.txt', 'letters/deep/\x1b[31mred.txt', 'letters/x.txt', 'other/y.txt', 'top.txt']

beforeAll(async () => {
  given = await testCatalog()
  for (const Key of KEYS) await put({ Key, Body: Key })
  await put({ Key: 'top.txt', Body: 'new' })
  await eventually(
    async () => answer(await given.run('stats', '--json')),
    ({ versions }) => versions === KEYS.length + 1,
  )
})

afterAll(() => given?.[Symbol.asyncDispose]())

test.each([
  ['search', ['search', 'letters'], '/search?q=letters&bucket=catalog&limit=50'],
  ['list', ['list', 'letters/'], '/objects?bucket=catalog&prefix=letters%2F&delimiter=%2F&limit=50'],
  ['list --recursive', ['list', '--recursive', '--limit', '2'], '/objects?bucket=catalog&limit=2'],
  ['versions', ['versions', 'top.txt'], '/versions?bucket=catalog&key=top.txt&limit=50'],
  ['audit', ['audit', 'top.txt', '--action', 'UPLOAD'], '/audit?bucket=catalog&key=top.txt&action=UPLOAD&limit=50'],
  ['stats', ['stats', '--bucket', 'catalog'], '/statistics?bucket=catalog'],
])('%s --json prints the response of the API', async (_, args, path) => {
  const expected = await (await fetch(given.catalog.apiUrl + path)).json()
  expect(answer(await given.run(...args, '--json'))).toEqual(expected)
})

test('--all reads all pages and prints JSON of the same shape', async () => {
  const one = answer(await given.run('list', '--recursive', '--json'))
  const all = answer(await given.run('list', '--recursive', '--all', '--json'))
  expect(all).toEqual({ ...one, nextCursor: null })
  expect(all.items.map(({ key }: { key: string }) => key)).toEqual(KEYS)
  expect(answer(await given.run('list', 'nothing/', '--all', '--json'))).toEqual({ items: [], prefixes: [], nextCursor: null })
})

test('a page suggests the command for the next one, which starts where it ended', async () => {
  const first = await given.run('list', '--recursive', '--limit', '3')
  const command = /^Next: npx catalog (list --recursive --limit 3 --cursor \S+)$/m.exec(first.stdout)?.[1]
  const second = await given.run(...command!.split(' '))
  expect([...column(first), ...column(second)]).toEqual(KEYS.map(key => key.replace('\x1b', '\\u001b')))
})

test('a table shows no control character of a key', async () => {
  const { stdout } = await given.run('search', '31mred')
  expect(stdout).toContain('letters/deep/\\u001b[31mred.txt')
  expect(stdout).not.toMatch(/[^\P{Cc}\n]/u)
})

test('a posted entry of the audit trail shows who posted it, and whom it names', async () => {
  const body = JSON.stringify({ action: 'PRINT', key: 'posted.txt', userName: 'eve\x1b[2J' })
  await fetch(`${given.catalog.apiUrl}/audit`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const { stdout } = await given.run('audit', 'posted.txt', '--source', 'posted')
  expect(stdout).toMatch(/ posted /)
  expect(stdout).toContain('(claims')
  expect(stdout).toContain('\\u001b[2J')
  expect((await given.run('audit', 'posted.txt', '--source', 'event')).stdout).toBe('No audit entries found.\n')
})

test('folders are listed once, objects with their size', async () => {
  expect(column(await given.run('list'))).toEqual(['letters/', 'other/', 'top.txt'])
})

test.each([
  ['a search that finds nothing', ['search', 'absentword'], 'Nothing found.'],
  ['a key without versions', ['versions', 'absent'], 'No version of absent found.'],
  ['a prefix without keys', ['list', 'absent/'], 'No key begins with absent/.'],
  ['a user who did nothing', ['audit', '--user', 'nobody'], 'No audit entries found.'],
])('%s prints a sentence', async (_, args, words) => {
  expect(await given.run(...args)).toEqual({ code: 0, stdout: `${words}\n`, stderr: '' })
})

test.each([
  [['list']],
  [['list', '--all', '--json']],
  [['search', 'letters']],
  [['versions', 'top.txt', '--json']],
  [['stats']],
  [['stats', '--json']],
])('%j of a bucket that the catalog does not know fails and says so', async args => {
  const { code, stdout, stderr } = await given.run(...args, '--bucket', 'absent')
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: 'catalog: Bucket absent is not in the catalog: no object of it was ever indexed; the catalog has catalog\n',
  })
  if (args.includes('--json')) expect(JSON.parse(stdout)).toBeTypeOf('object')
  else expect(stdout).toBe('')
})

test('the suggested command uses the same catalog', async () => {
  const { apiUrl, s3Url } = given.catalog
  const place = ['--api', apiUrl, '--s3', s3Url, '--bucket', 'catalog']
  const { stdout } = await startCommand(['list', ...place]).ended
  const suggested = /^Next: npx catalog (.+)$/m.exec(stdout)?.[1]?.split(' ') ?? []
  expect(suggested).toEqual(['list', 'letters/', ...place])
  expect((await startCommand(suggested).ended).stdout).toContain('letters/x.txt')
})

test.each([
  ['a bad cursor', ['list', '--cursor', 'nonsense']],
  ['bad search syntax', ['search', '&']],
  ['a bad time', ['audit', '--from', 'yesterday']],
])("%s fails with the API's message in one line", async (_, args) => {
  const { code, stdout, stderr } = await given.run(...args)
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/^catalog: .+\n$/)
})

test('dead letters are listed with their reasons, repeatedly, and moved back', async () => {
  expect((await given.run('dead-letters')).stdout).toContain('No dead letters')
  const { s3Url: endpoint, queueUrl: QueueUrl } = given.catalog
  const sqs = new SQSClient({ endpoint, region: 'us-east-1', credentials: given.catalog })
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'no event at all' }))
  const letters = await eventually(
    async () => answer(await given.run('dead-letters', '--json')),
    found => found.length === 1,
  )
  expect(letters).toMatchObject([{ event: null, key: null, body: 'no event at all', reason: expect.stringContaining('Invalid') }])
  expect(answer(await given.run('dead-letters', '--json'))).toEqual(letters)
  expect((await given.run('dead-letters')).stdout).toContain('Next: npx catalog dead-letters --redrive')

  expect((await given.run('dead-letters', '--redrive')).stdout).toContain('1 dead letter moving back to the queue.')
  const again = await eventually(
    async () => answer(await given.run('dead-letters', '--json')),
    found => found.length === 1,
  )
  expect(again[0].messageId).not.toBe(letters[0].messageId)
  sqs.destroy()
})

async function put(input: Pick<PutObjectCommandInput, 'Key' | 'Body'>): Promise<void> {
  await given.s3.send(new PutObjectCommand({ Bucket: 'catalog', ContentType: 'text/plain', ...input }))
}

/** The first column of a table without its heading and what follows the table. */
function column({ stdout }: CommandResult): string[] {
  const lines = stdout.split('\n')
  const end = lines.findIndex(line => line.startsWith('Next:') || line === 'There are more results.')
  return lines.slice(1, end).map(line => line.split(/ {2,}/)[0]!)
}

function answer({ code, stdout, stderr }: CommandResult) {
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}
