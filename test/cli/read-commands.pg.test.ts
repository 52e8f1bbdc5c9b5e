import { closeSync, existsSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { CreateBucketCommand, PutObjectCommand, type PutObjectCommandInput } from '@aws-sdk/client-s3'
import { SendMessageBatchCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CommandResult, eventually, startCommand, type TestCatalog, testCatalog } from './catalog.ts'
import { runInTerminal } from './terminal.ts'

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
  ['search', ['search', 'letters'], '/search?q=letters&limit=50'],
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
  ['an empty range', ['audit', '--action', 'a-b']],
])("%s fails with the API's message in one line", async (_, args) => {
  const { code, stdout, stderr } = await given.run(...args)
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/^catalog: .+\n$/)
})

test('a word that begins with a dash was an unknown option', async () => {
  const { items } = answer(await given.run('search', 'letters', '-deep', '--json'))
  expect(items.map(({ key }: { key: string }) => key).sort()).toEqual(['letters/a b+c%41.txt', 'letters/x.txt'])
  expect(answer(await given.run('search', '-letters', '--limit', '1', '--json')).items).toHaveLength(1)
})

test('a search covered one bucket only, and did not say which', async () => {
  await given.s3.send(new CreateBucketCommand({ Bucket: 'second' }))
  await given.s3.send(new PutObjectCommand({ Bucket: 'second', Key: 'unique.png', Body: 'x', ContentType: 'image/png' }))
  const { stdout } = await eventually(
    () => given.run('search', 'unique'),
    ({ stdout }) => stdout.includes('Bucket'),
  )
  expect(stdout).toMatch(/^Bucket +Key .*\nsecond +unique\.png /)
  expect(stdout).toContain('Next: npx catalog versions unique.png --bucket second')
  expect((await given.run('search', 'unique', '--bucket', 'catalog')).stdout).toBe('Nothing found.\n')
  expect((await given.run('search', 'x', '--bucket', 'catalog')).stdout).toMatch(/^Key +Size /)
  const found = answer(await given.run('search', 'unique', '--type', 'image/*', '--json'))
  expect(found.items).toMatchObject([{ bucket: 'second', contentType: 'image/png' }])
})

test.each([80, 100, 120])(
  'in a terminal of %i columns the heading of a table was several lines, and its rows were too wide',
  async columns => {
    const env = { CATALOG_DATA: join(given.folder, 'data') }
    const commands = ['search letters', 'list letters/', 'versions top.txt', 'audit', 'stats']
    for (const command of commands) {
      const { lines, isWrapped, code } = await runInTerminal(command.split(' '), columns, env)
      expect({ command, isWrapped, code }).toEqual({ command, isWrapped: false, code: 0 })
      if (command !== 'stats') expect(lines[0]).toMatch(/^(Bucket +)?(Key|Version|When) .*(Last modified|Key|By)$/)
      expect(lines.join('\n')).toContain('\nNext: npx catalog ')
    }
  },
)

test('--from refused the times that the table prints, and --action lower case', async () => {
  const { stdout } = await given.run('audit', 'top.txt', '--action', 'upload')
  const [newest, oldest] = [...stdout.matchAll(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/gm)].map(([time]) => time)
  expect(answer(await given.run('audit', 'top.txt', '--from', oldest!, '--json')).items).toHaveLength(2)
  expect(answer(await given.run('audit', 'top.txt', '--from', newest!.slice(0, 10), '--json')).items).toHaveLength(2)
  expect(answer(await given.run('audit', 'top.txt', '--to', oldest!, '--json')).items).toEqual([])
})

test.skipIf(!existsSync('/dev/full'))('a full disk was a stack trace', async () => {
  const stdout = openSync('/dev/full', 'w')
  const { code, stderr } = await startCommand(['list'], { CATALOG_API_URL: given.catalog.apiUrl }, stdout).ended
  closeSync(stdout)
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^catalog: The output cannot be written: ENOSPC.*\n$/)])
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

test('dead letters had no bucket, ended at the first thousand, and could not be discarded', async () => {
  const { s3Url: endpoint, deadLetterQueueUrl: QueueUrl } = given.catalog
  const sqs = new SQSClient({ endpoint, region: 'us-east-1', credentials: given.catalog })
  const record = { eventSource: 'other:s3', s3: { bucket: { name: 'gone' }, object: { key: 'k' } } }
  const bodies = [...Array(1010).fill(JSON.stringify({ Records: [record] })), 'no event']
  for (let n = 0; n < bodies.length; n += 10) {
    const Entries = bodies.slice(n, n + 10).map((MessageBody, k) => ({ Id: String(k), MessageBody }))
    await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }))
  }
  const { stdout } = await given.run('dead-letters', '--bucket', 'gone')
  expect(stdout).toContain('50 of 1,010 dead letters are shown.')
  expect(stdout).toMatch(/^When +Event +Bucket +Reason\n\S+ \S+ +\S+ +gone /)

  expect(await given.run('dead-letters', '--bucket', 'gone', '--discard')).toMatchObject({
    code: 1,
    stderr: 'catalog: This deletes 1,010 dead letters for good: add --yes to confirm\n',
  })
  const { stdout: discarded } = await given.run('dead-letters', '--bucket', 'gone', '--discard', '--yes')
  expect(discarded).toContain('1,010 dead letters discarded.')
  const left = answer(await given.run('dead-letters', '--json'))
  expect(left.filter(({ bucket }: { bucket: string | null }) => bucket !== null)).toEqual([])
  expect(left.length).toBeGreaterThan(0)
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
