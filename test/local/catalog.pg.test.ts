import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdir, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { createConnection, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CreateBucketCommand, HeadObjectCommand, PutObjectCommand, RestoreObjectCommand } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { makeDataFolder } from '../support/postgres/data-folder.ts'
import { type RunningCatalog, runCatalog, startCatalogProcess } from '../support/running-catalog.ts'
import { testClient } from '../support/s3/bucket.ts'

test('an object is found by the search soon after the upload, in every bucket', async () => {
  await using catalog = await runCatalog()
  const s3 = testClient(catalog.s3Url, catalog)
  await s3.send(new CreateBucketCommand({ Bucket: 'second' }))
  for (const Bucket of ['catalog', 'second']) {
    await s3.send(
      new PutObjectCommand({ Bucket, Key: 'reports/annualReport-2024.pdf', Body: 'x', ContentType: 'application/pdf' }),
    )
    await expect
      .poll(() => keysFound(catalog, `q=annual+report&bucket=${Bucket}`), { interval: 20, timeout: 10_000 })
      .toEqual(['reports/annualReport-2024.pdf'])
  }
  // In the same catalog, because a start takes seconds: a restore completes by itself.
  const archived = { Bucket: 'catalog', Key: 'archived' }
  await s3.send(new PutObjectCommand({ ...archived, Body: 'x', StorageClass: 'GLACIER' }))
  await s3.send(new RestoreObjectCommand({ ...archived, RestoreRequest: { Days: 1 } }))
  await expect
    .poll(async () => (await s3.send(new HeadObjectCommand(archived))).Restore, { interval: 200, timeout: 10_000 })
    .toContain('ongoing-request="false"')
  // And what it prints holds no secret, but lines for a shell that read them.
  const printed = catalog.output()
  for (const secret of [catalog.secretAccessKey, new URL(catalog.databaseUrl).password]) expect(printed).not.toContain(secret)
  const lines = /^ {2}running\(\) [\s\S]*?AWS_SECRET_ACCESS_KEY=.*$/m.exec(printed)?.[0]
  const { stdout } = await promisify(execFile)('sh', [
    '-c',
    `${lines}\necho $AWS_ENDPOINT_URL $AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY`,
  ])
  expect(stdout.trim()).toBe([catalog.s3Url, catalog.accessKeyId, catalog.secretAccessKey].join(' '))
})

test('kill -9 in the middle of writing loses no object whose upload S3 has confirmed', { timeout: 60_000 }, async () => {
  const first = await runCatalog()
  const s3 = testClient(first.s3Url, first)
  const stored: string[] = []
  const writer = async (n: number) => {
    for (let i = 0; ; i++) {
      const Key = `written/${n}-${i}.txt`
      await s3.send(new PutObjectCommand({ Bucket: 'catalog', Key, Body: Key }))
      stored.push(Key)
    }
  }
  const writers = Promise.allSettled([1, 2, 3, 4].map(writer))
  await expect.poll(() => stored.length, { timeout: 20_000 }).toBeGreaterThan(200)
  await using catalog = await first.killAndRestart()
  await writers
  await expect
    .poll(async () => (await allKeys(catalog, 'written/')).filter(key => stored.includes(key)).length, {
      timeout: 20_000,
      interval: 200,
    })
    .toBe(stored.length)
})

test('a port in use is reported before anything is started, with the flag and the variable that choose another', async () => {
  const inUse = createServer().listen(0, '127.0.0.1')
  await once(inUse, 'listening')
  const address = inUse.address()
  const port = String(address !== null && typeof address === 'object' ? address.port : 0)
  const data = await makeDataFolder('storage-catalog-run-')
  for (const part of ['API', 'S3', 'Postgres']) {
    const variable = `CATALOG_${part.toUpperCase()}_PORT`
    const free = { CATALOG_API_PORT: '0', CATALOG_S3_PORT: '0', CATALOG_DATA: data }
    const { process, output } = startCatalogProcess({ ...free, [variable]: port })
    const [code] = await once(process, 'exit')
    const choose = `choose another port with --${part.toLowerCase()}-port or ${variable}\n`
    const name = part === 'API' ? 'the API' : part
    expect({ code, output: output() }).toEqual({
      code: 1,
      output: `Port ${port} for ${name} is in use: stop the program that listens on it, or ${choose}`,
    })
  }
  expect(await readdir(data)).not.toContain('postgres')
  await rm(data, { recursive: true })
  inUse.close()
})

test('a port that is configured twice is reported', async () => {
  const data = await makeDataFolder('storage-catalog-run-')
  const { process, output } = startCatalogProcess({ CATALOG_DATA: data, CATALOG_API_PORT: '9999', CATALOG_S3_PORT: '9999' })
  const [code] = await once(process, 'exit')
  await rm(data, { recursive: true })
  expect({ code, output: output() }).toEqual({
    code: 1,
    output: 'Port 9999 is configured for both the API and S3: choose another port with --s3-port or CATALOG_S3_PORT\n',
  })
})

test.each([
  ['a file', import.meta.filename, `${import.meta.filename} is a file, not a folder: choose another folder\n`],
  [
    'below a file',
    join(import.meta.filename, 'data'),
    expect.stringContaining("can't be created (ENOTDIR): choose another folder\n"),
  ],
])('a data folder that is %s ends the start with the reason', async (_, folder, reason) => {
  expect(await startIn(folder)).toEqual({ code: 1, output: reason })
})

test.runIf(process.platform === 'linux')(
  'a data folder in /proc, where no folder can be created, does not hang the start',
  async () => {
    expect(await startIn('/proc/x')).toEqual({ code: 1, output: "/proc/x can't be created (ENOENT): choose another folder\n" })
  },
)

async function startIn(folder: string): Promise<{ code: number; output: string }> {
  const { process, output } = startCatalogProcess({ CATALOG_DATA: folder })
  const [code] = await once(process, 'exit')
  return { code, output: output() }
}

test('requests whose Host is not a loopback name are refused', async () => {
  await using catalog = await runCatalog()
  for (const url of [`${catalog.apiUrl}/health`, catalog.s3Url]) {
    expect(await statusWithHost(url, 'evil.example')).toBe(403)
    expect(await statusWithHost(url, 'localhost')).toBeLessThan(500)
  }
})

test('nothing listens on other addresses than loopback', async () => {
  await using catalog = await runCatalog()
  const outside = Object.values(networkInterfaces())
    .flatMap(addresses => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
  const ports = [catalog.apiUrl, catalog.s3Url, catalog.databaseUrl].map(url => Number(new URL(url).port))
  for (const { address } of outside) {
    for (const port of ports) expect(await canConnect(address, port)).toBe(false)
  }
})

async function keysFound({ apiUrl }: RunningCatalog, query: string): Promise<string[]> {
  const response = await fetch(`${apiUrl}/search?${query}`)
  const { items } = (await response.json()) as { items: { key: string }[] }
  return items.map(({ key }) => key)
}

async function allKeys({ apiUrl }: RunningCatalog, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const response = await fetch(`${apiUrl}/objects?prefix=${prefix}&limit=1000${cursor && `&cursor=${cursor}`}`)
    const page = (await response.json()) as { items: { key: string }[]; nextCursor: string | null }
    keys.push(...page.items.map(({ key }) => key))
    cursor = page.nextCursor
  }
  return keys
}

async function statusWithHost(url: string, host: string): Promise<number | undefined> {
  const sent = request(url, { headers: { host: `${host}:${new URL(url).port}` } }).end()
  const [response] = await once(sent, 'response')
  response.resume()
  return response.statusCode
}

async function canConnect(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = createConnection({ host, port, timeout: 2000 }, () => resolve(true))
  socket.once('error', () => resolve(false)).once('timeout', () => resolve(false))
  const connected = await promise
  socket.destroy()
  return connected
}
