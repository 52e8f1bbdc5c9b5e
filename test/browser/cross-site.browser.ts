import { join } from 'node:path'
import { DeleteObjectsCommand, GetObjectCommand, ListObjectVersionsCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../cli/catalog.ts'
import { type RunningCatalog, runCatalog } from '../support/running-catalog.ts'
import { testClient } from '../support/s3/bucket.ts'
import { startBrowser, type TestBrowser } from './browser.ts'

const target = { Bucket: 'catalog', Key: 'kept.txt' }

/** The access key and secret that every local catalog once had. */
const PUBLISHED = { accessKeyId: 'catalog', secretAccessKey: 'catalog-secret' }

let catalog: RunningCatalog
let browser: TestBrowser
let s3: ReturnType<typeof testClient>

beforeAll(async () => {
  catalog = await runCatalog()
  browser = await startBrowser()
  s3 = testClient(catalog.s3Url, catalog)
  await s3.send(new PutObjectCommand({ ...target, Body: 'hello', ContentType: 'text/plain' }))
  await eventually(state, ({ found }) => found.length === 1)
})

afterAll(async () => {
  s3?.destroy()
  await browser?.[Symbol.asyncDispose]()
  await catalog?.[Symbol.asyncDispose]()
})

/** What a page could change: versions in the bucket, objects and audit entries of the catalog. */
async function state() {
  const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket: 'catalog' }))
  const read = async (path: string) => (await (await fetch(catalog.apiUrl + path)).json()) as { items: Record<string, unknown>[] }
  return {
    versions: Versions.map(({ Key, VersionId }) => [Key, VersionId]),
    markers: DeleteMarkers.length,
    found: (await read('/objects?bucket=catalog')).items.map(({ key }) => key),
    audit: (await read('/audit?limit=1000')).items.length,
  }
}

/** Signed URLs of a request that deletes the object. */
const deleteUrls = async () => {
  const command = () => new DeleteObjectsCommand({ Bucket: 'catalog', Delete: { Objects: [{ Key: target.Key }] } })
  return [await getSignedUrl(testClient(catalog.s3Url, PUBLISHED), command()), await getSignedUrl(s3, command())]
}

describe('a page', () => {
  test.each<[string, () => string, '/sandboxed'?]>([
    ['of another site', () => `http://evil.example:${browser.port}`],
    ['of another port of this machine', () => `http://127.0.0.1:${browser.port}`],
    ['of another name of this machine', () => `http://localhost:${browser.port}`],
    ['of a sandbox, whose origin is null,', () => `http://evil.example:${browser.port}`, '/sandboxed'],
    ['of a name that an attacker lets point to the API (DNS rebinding)', () => `http://rebind.example:${portOf(catalog.apiUrl)}`],
    ['of a name that an attacker lets point to S3 (DNS rebinding)', () => `http://rebind.example:${portOf(catalog.s3Url)}`],
  ])('%s changes nothing, whatever it sends', async (_, origin, path) => {
    const before = await state()
    const { page, seen, context } = await browser.open(origin(), path)
    const own = (url: string) => (origin().includes('rebind') && portOf(origin()) === portOf(url) ? origin() : url)
    const urls = await deleteUrls()
    await page.addScriptTag({ path: join(import.meta.dirname, 'attack.js') })
    const targets = {
      apiUrl: own(catalog.apiUrl),
      s3Url: own(catalog.s3Url),
      urls: [...urls, ...urls.map(url => url.replace(catalog.s3Url, own(catalog.s3Url)))],
    }
    await page.evaluate(`attack(${JSON.stringify(targets)})`)
    await context.close()
    expect(await state()).toEqual(before)
    expect(seen.length).toBeGreaterThan(20)
    // 400: a form upload is read before its policy is verified, and this one has no file.
    expect(seen.filter(line => !/ 403$|^POST \S+\/catalog 400$/.test(line))).toEqual([])
  })
})

describe('a user', () => {
  test('follows a presigned link on a page of another site and gets the file', async () => {
    const { page, context } = await browser.open(`http://wiki.example:${browser.port}`)
    const command = new GetObjectCommand({ ...target, ResponseContentDisposition: 'attachment; filename="own name.txt"' })
    const href = await getSignedUrl(s3, command)
    await page.setContent(`<a href="${quoted(href)}">file</a>`)
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('a')])
    expect(download.suggestedFilename()).toBe('own name.txt')
    const chunks: Buffer[] = []
    for await (const chunk of await download.createReadStream()) chunks.push(chunk)
    expect(Buffer.concat(chunks).toString()).toBe('hello')
    await context.close()
  })

  test('opens a presigned link and the API by typing their addresses', async () => {
    const { page, context } = await browser.open(`http://wiki.example:${browser.port}`)
    const file = await page.goto(await getSignedUrl(s3, new GetObjectCommand(target)))
    expect([file?.status(), await page.textContent('body')]).toEqual([200, 'hello'])
    const fresh = await context.newPage()
    const found = await fresh.goto(`${catalog.apiUrl}/search?q=kept`)
    expect([found?.status(), await fresh.textContent('body')]).toEqual([200, expect.stringContaining('kept.txt')])
    await context.close()
  })
})

function quoted(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
}

function portOf(url: string): string {
  return new URL(url).port
}
