import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { createConnection, createServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { testClient } from '../support/bucket.ts'
import { type RunningCatalog, runCatalog, startCatalogProcess } from '../support/running-catalog.ts'

test('a put is findable over HTTP within a second, in every bucket', async () => {
  await using catalog = await runCatalog()
  const s3 = testClient(catalog.s3Url)
  await s3.send(new CreateBucketCommand({ Bucket: 'second' }))
  for (const Bucket of ['catalog', 'second']) {
    await s3.send(
      new PutObjectCommand({ Bucket, Key: 'reports/annualReport-2024.pdf', Body: 'x', ContentType: 'application/pdf' }),
    )
    const put = performance.now()
    await expect
      .poll(() => keysFound(catalog, `q=annual+report&bucket=${Bucket}`), { interval: 20, timeout: 10_000 })
      .toEqual(['reports/annualReport-2024.pdf'])
    expect(performance.now() - put).toBeLessThan(1000)
  }
})

test('kill -9 in the middle of writing loses no object that S3 has answered for', { timeout: 60_000 }, async () => {
  const first = await runCatalog()
  const s3 = testClient(first.s3Url)
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

test('a taken port is named, with the variable that chooses another', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const address = taken.address()
  const port = String(address !== null && typeof address === 'object' ? address.port : 0)
  const data = await mkdtemp(join(tmpdir(), 'storage-catalog-run-'))
  for (const variable of ['CATALOG_API_PORT', 'CATALOG_S3_PORT', 'CATALOG_POSTGRES_PORT']) {
    const free = { CATALOG_API_PORT: '0', CATALOG_S3_PORT: '0', CATALOG_DATA: data }
    const { process, output } = startCatalogProcess({ ...free, [variable]: port })
    const [code] = await once(process, 'exit')
    expect({ code, output: output() }).toEqual({
      code: 1,
      output: expect.stringMatching(new RegExp(`Port ${port} .*${variable}`)),
    })
  }
  await rm(data, { recursive: true })
  taken.close()
})

test('requests whose Host is no loopback name are refused', async () => {
  await using catalog = await runCatalog()
  for (const url of [`${catalog.apiUrl}/health`, catalog.s3Url]) {
    expect(await statusWithHost(url, 'evil.example')).toBe(403)
    expect(await statusWithHost(url, 'localhost')).toBeLessThan(500)
  }
})

test('nothing listens beyond loopback', async () => {
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
