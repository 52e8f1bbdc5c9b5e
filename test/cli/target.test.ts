import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openBucket } from '../../cli/connect/bucket.ts'
import { npxCommand, resolveTarget } from '../../cli/connect/target.ts'

const empty = mkdtempSync(join(tmpdir(), 'storage-catalog-where-'))
const folder = mkdtempSync(join(tmpdir(), 'storage-catalog-where-'))
const running = {
  pid: process.pid,
  apiUrl: 'http://127.0.0.1:8123',
  s3Url: 'http://127.0.0.1:9123',
  databaseUrl: 'postgres://here',
  bucket: 'files',
  queueUrl: 'http://127.0.0.1:9123/queue',
  deadLetterQueueUrl: 'http://127.0.0.1:9123/dead',
  accessKeyId: 'id',
  secretAccessKey: 'secret',
}
writeRunning(running)

afterAll(() => {
  for (const path of [empty, folder]) rmSync(path, { recursive: true })
})

test('without flags and a running catalog, the defaults of npm start are used', () => {
  const before = process.cwd()
  process.chdir(empty)
  try {
    expect(resolveTarget({}, {})).toEqual({
      apiUrl: 'http://127.0.0.1:8080',
      s3Url: 'http://127.0.0.1:9000',
      bucket: 'catalog',
      region: 'us-east-1',
      credentials: undefined,
    })
  } finally {
    process.chdir(before)
  }
})

test('a data folder without a running catalog is an error, not the catalog on the default ports', () => {
  const reason = `No catalog runs in ${empty}. Start it with: npm start -- --data ${empty}`
  expect(() => resolveTarget({ data: empty }, {})).toThrow(reason)
  expect(() => resolveTarget({}, { CATALOG_DATA: empty })).toThrow(reason)
})

test('a running.json that is half written was a stack trace', () => {
  writeFileSync(join(empty, 'running.json'), '{"apiUrl":')
  expect(() => resolveTarget({ data: empty }, {})).toThrow(/running\.json is not JSON\. Start the catalog again/)
  rmSync(join(empty, 'running.json'))
})

test('the S3 endpoint of a local API is not guessed, so that files are not written to another catalog', () => {
  const target = resolveTarget({ data: folder }, { CATALOG_API_PORT: '8181' })
  expect(target).toMatchObject({ apiUrl: 'http://127.0.0.1:8181', s3Url: undefined, databaseUrl: undefined })
  expect(() => openBucket(target)).toThrow('The S3 endpoint of http://127.0.0.1:8181 is unknown: set --s3')
})

test('running.json of a catalog has all addresses', () => {
  const { pid: _, accessKeyId, secretAccessKey, ...addresses } = running
  const expected = { ...addresses, region: 'us-east-1', credentials: { accessKeyId, secretAccessKey } }
  expect(resolveTarget({ data: folder }, {})).toEqual(expected)
  expect(resolveTarget({}, { CATALOG_DATA: folder })).toEqual(expected)
})

test('running.json of a killed catalog is ignored', () => {
  writeRunning({ ...running, pid: 2 ** 22 + 1 })
  expect(() => resolveTarget({ data: folder }, {})).toThrow('No catalog runs in')
  writeRunning(running)
})

test('flags win over the environment, and the environment over a running catalog', () => {
  const env = { CATALOG_API_URL: 'http://localhost:1/', AWS_ENDPOINT_URL_S3: 'http://localhost:2', CATALOG_BUCKET: 'b' }
  expect(resolveTarget({ data: folder }, env)).toMatchObject({
    apiUrl: 'http://localhost:1',
    s3Url: 'http://localhost:2',
    bucket: 'b',
  })
  const flags = { data: folder, api: 'http://localhost:3', s3: 'http://localhost:4', bucket: 'c' }
  expect(resolveTarget(flags, env)).toMatchObject({ apiUrl: 'http://localhost:3', s3Url: 'http://localhost:4', bucket: 'c' })
})

test('ports in the environment are ports of this machine', () => {
  const env = { CATALOG_API_PORT: '8181', CATALOG_S3_PORT: '9191' }
  expect(resolveTarget({ data: empty }, env)).toMatchObject({ apiUrl: 'http://127.0.0.1:8181', s3Url: 'http://127.0.0.1:9191' })
})

test('a remote API means the S3 of AWS and the credentials of the AWS SDK, not those of a local catalog', () => {
  const env = { CATALOG_API_URL: 'https://api.example.com/prod', AWS_REGION: 'eu-central-1' }
  expect(resolveTarget({ data: folder }, env)).toEqual({ apiUrl: 'https://api.example.com/prod', region: 'eu-central-1' })
})

test("a running catalog's own credentials sign requests to it, because it accepts no others", () => {
  const env = { AWS_ACCESS_KEY_ID: 'mine', AWS_SECRET_ACCESS_KEY: 'own' }
  const own = { accessKeyId: 'id', secretAccessKey: 'secret' }
  expect(resolveTarget({ data: folder }, env).credentials).toEqual(own)
  expect(resolveTarget({ data: folder, s3: 'http://localhost:9123' }, env).credentials).toEqual(own)
  const other = resolveTarget({ data: folder, s3: 'http://localhost:4566' }, env)
  expect(other.credentials).toEqual({ accessKeyId: 'mine', secretAccessKey: 'own' })
})

function writeRunning(content: typeof running): void {
  writeFileSync(join(folder, 'running.json'), JSON.stringify(content))
}

test('an error for an invalid port names its variable', () => {
  expect(() => resolveTarget({}, { CATALOG_API_PORT: 'abc' })).toThrow(
    'CATALOG_API_PORT must be a whole number from 0 to 65535, not abc',
  )
  expect(() => resolveTarget({}, { CATALOG_S3_PORT: '99999' })).toThrow(
    'CATALOG_S3_PORT must be a whole number from 0 to 65535, not 99999',
  )
})

test('a suggested command repeats the flags that select the catalog, quoted for a shell', () => {
  expect(npxCommand('stats', {})).toBe('npx catalog stats')
  const flags = { data: "it's", bucket: 'docs', s3: 'http://s3', api: 'http://api', json: true }
  expect(npxCommand('list a/', flags)).toBe("npx catalog list a/ --api http://api --s3 http://s3 --bucket docs --data 'it'\\''s'")
})
