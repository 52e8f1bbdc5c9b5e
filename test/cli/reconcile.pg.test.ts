import { join } from 'node:path'
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, connect } from '../../shared/database/connection.ts'
import { writeInventory } from '../support/s3/inventory-report.ts'
import { eventually, type TestCatalog, testCatalog } from './catalog.ts'
import { runInTerminal } from './terminal.ts'

let given: TestCatalog
let sql: Client

beforeAll(async () => {
  given = await testCatalog()
  sql = connect({ url: given.catalog.databaseUrl, max: 1 })
  for (const key of ['a', 'b', 'c']) await given.s3.send(new PutObjectCommand({ Bucket: 'catalog', Key: key, Body: key }))
  await eventually(inCatalog, versions => versions === 3)
})

afterAll(async () => {
  await sql?.end()
  await given?.[Symbol.asyncDispose]()
})

test('a catalog that equals its bucket has no differences', async () => {
  const { code, stdout } = await given.run('reconcile', '--dry-run', '--full', '--grace', '0')
  expect(code).toBe(0)
  const compared = '3 versions compared with 7 requests, 0 differences, 0 repaired; metadata and tags of 3 compared'
  expect(stdout).toContain(`catalog/: ${compared}`)
})

test('a dry run reports missing versions, changes nothing and exits with 2; a reconcile repairs them', async () => {
  await loseAll()
  const dry = await given.run('reconcile', '--dry-run', '--grace', '0')
  expect(dry).toMatchObject({ code: 2, stderr: 'catalog: 3 differences; repair with npx catalog reconcile\n' })
  expect(dry.stdout).toMatch(/^missing +3 +in the bucket, not in the catalog$/m)
  // They were only counted.
  expect([...dry.stdout.matchAll(/^missing +([abc]) +\S+$/gm)].map(([, key]) => key)).toEqual(['a', 'b', 'c'])
  expect(await inCatalog()).toBe(0)

  const { code, stdout } = await given.run('reconcile', '--grace', '0', '--json')
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject([
    {
      bucket: 'catalog',
      prefix: '',
      findings: { missing: 3, repaired: 3 },
      differences: ['a', 'b', 'c'].map(key => ({ key, kind: 'missing' })),
    },
  ])
  expect(await inCatalog()).toBe(3)
})

test('in a terminal a reconcile shows percent and time left in one line', async () => {
  const env = { CATALOG_DATA: join(given.folder, 'data') }
  const { lines, code, isWrapped } = await runInTerminal(['reconcile', '--grace', '0'], 120, env)
  expect({ code, isWrapped }).toEqual({ code: 0, isWrapped: false })
  expect(lines[0]).toMatch(/^[█░]+ 100% 3 of about 3 versions, 0 differences, ETA /)
})

test('the repair that a dry run suggests lost its prefix, sample, rate and confirmation', async () => {
  await loseAll()
  const { stderr } = await given.run(
    ...'reconcile --dry-run --grace 0 --prefix a --sample 0.5 --rate 50 --bucket-deleted'.split(' '),
  )
  expect(stderr).toContain('repair with npx catalog reconcile --prefix a --rate 50 --sample 0.5 --bucket-deleted\n')
  await given.run('reconcile', '--grace', '0')
})

test.each([
  ['backfill --preview --inventory s3://reports/manifest.json', '--preview and --inventory cannot be combined'],
  ['reconcile --list --follow 1', "option '--list' cannot be used with option '--follow <run>'"],
  ['reconcile --stop 1 --dry-run', "option '--stop <run>' cannot be used with option '--dry-run'"],
  ['reconcile --follow 1 --rate 50', "option '--follow <run>' cannot be used with option '--rate <n>'"],
])('flags that exclude each other were accepted: %s', async (words, message) => {
  const { code, stderr } = await given.run(...words.split(' '))
  expect([code, stderr]).toEqual([1, expect.stringContaining(message)])
})

test('several prefixes are compared at once', async () => {
  const { stdout } = await given.run('reconcile', '--prefix', 'a', '--prefix', 'b', '--grace', '0', '--json')
  expect(JSON.parse(stdout)).toMatchObject([
    { prefix: 'a', findings: { versions: 1 } },
    { prefix: 'b', findings: { versions: 1 } },
  ])
})

test('a backfill makes the requests that its preview estimated', async () => {
  await loseAll()
  const { code, stdout } = await given.run('backfill', '--preview')
  expect({ code, lines: stdout.split('\n').slice(0, 3) }).toEqual({
    code: 0,
    lines: [
      'catalog/: 3 versions and 0 delete markers, 0 in the catalog',
      '  7 requests: 1 LIST, 3 HEAD, 3 GetObjectTagging',
      '  estimate: less than $0.01 at list prices of S3 Standard in us-east-1, 1 second at this rate',
    ],
  })
  expect(await inCatalog()).toBe(0)
  expect((await given.run('backfill', '--grace', '0')).stdout).toContain(
    '3 versions compared with 7 requests, 3 differences, 3 repaired',
  )
  expect(await inCatalog()).toBe(3)
})

test('a backfill from an inventory indexes the versions of the report', async () => {
  await given.s3.send(new CreateBucketCommand({ Bucket: 'reports' }))
  const key = await writeInventory(given.s3, { bucket: 'catalog', to: 'reports', format: 'CSV' })
  await loseAll()
  const { code, stdout } = await given.run('backfill', '--inventory', `s3://reports/${key}`)
  expect({ code, first: stdout.split('\n')[0] }).toEqual({ code: 0, first: '3 rows of the report, 3 indexed with 9 requests' })
  expect(await inCatalog()).toBe(3)
  const { code: failed, stderr } = await given.run('backfill', '--inventory', 'reports/manifest.json')
  expect({ failed, stderr }).toEqual({
    failed: 1,
    stderr: 'catalog: --inventory must be s3://bucket/.../manifest.json, not reports/manifest.json\n',
  })
})

test('Ctrl-C stops following and not the run; --stop stops it, and the same command continues it', {
  timeout: 60_000,
}, async () => {
  await Promise.all(
    Array.from({ length: 40 }, (_, n) => given.s3.send(new PutObjectCommand({ Bucket: 'catalog', Key: `many/${n}`, Body: 'x' }))),
  )
  await eventually(inCatalog, versions => versions === 43)
  await loseAll()
  // At this rate a chunk is ten versions.
  const slowly = ['reconcile', '--prefix', 'many/', '--grace', '0', '--rate', '10']
  const { child, ended } = given.start(...slowly)
  await eventually(inCatalog, versions => versions > 0)
  child.kill('SIGINT')
  const { code, stderr } = await ended
  const [, id = ''] = /--stop (\d+)/.exec(stderr) ?? []
  expect({ code, stderr }).toEqual({ code: 130, stderr: expect.stringContaining(`npx catalog reconcile --follow ${id}`) })

  const stopped = await given.run('reconcile', '--stop', id)
  expect(stopped).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^Run \d+ (stops at its next checkpoint|is stopped)\.$/m),
  })
  const followed = await given.run('reconcile', '--follow', id)
  expect(followed).toMatchObject({ code: 130, stderr: expect.stringContaining('was stopped. The same command continues it.') })
  const left = await inCatalog()
  expect(left).toBeLessThan(40)
  expect((await given.run('reconcile', '--list')).stdout).toMatch(
    new RegExp(`^ *${id} +reconcile +stopped .* catalog/many/$`, 'm'),
  )

  const { stdout } = await given.run('reconcile', '--prefix', 'many/', '--grace', '0', '--json')
  expect(JSON.parse(stdout)).toMatchObject([{ id: Number(id), findings: { versions: 40, missing: 40, repaired: 40 } }])
  expect(await inCatalog()).toBe(40)
  const { stdout: again } = await given.run('reconcile', '--follow', id)
  expect(again.match(/^missing +many\/\d+ +\S+$/gm)).toHaveLength(20)
  expect(again).toContain(`... and 20 more, see npx catalog reconcile --follow ${id} --json`)
  expect(JSON.parse((await given.run('reconcile', '--follow', id, '--json')).stdout)[0].differences).toHaveLength(40)
})

test.each([
  ['--sample', '2', 'Must be a number from 0 to 1.'],
  ['--rate', '0', 'Must be a number from 1 to 5000.'],
  ['--grace', '-1', 'Must be a number from 0 to 86400.'],
  ['--bucket', 'nowhere', '(reconcile of nowhere/) failed: NoSuchBucket'],
])('reconcile %s %s is an error', async (flag, value, reason) => {
  const { code, stderr } = await given.run('reconcile', flag, value)
  expect(code).toBe(1)
  expect(stderr).toContain(reason)
})

async function inCatalog(): Promise<number> {
  const [row] = await sql<
    { versions: number }[]
  >`select count(*) as versions from catalog.storage_versions where bucket = 'catalog'`
  return row?.versions ?? 0
}

async function loseAll(): Promise<void> {
  await sql`
    with objects as (delete from catalog.storage_objects where bucket = 'catalog')
    delete from catalog.storage_versions where bucket = 'catalog'
  `
}
