import { createHash } from 'node:crypto'
import { GetObjectCommand, PutBucketCorsCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startS3 } from '../../local/s3/server.ts'
import { createBucket } from '../../local/s3/store/buckets.ts'
import { testClient } from '../support/s3/bucket.ts'
import { signPolicy } from '../support/s3/post-policy.ts'
import { startBrowser, type TestBrowser } from './browser.ts'

const credentials = { accessKeyId: 'own', secretAccessKey: 'own-secret' }

let server: Awaited<ReturnType<typeof startS3>>
let s3: ReturnType<typeof testClient>
let browser: TestBrowser

beforeAll(async () => {
  server = await startS3({ folder: ':memory:', credentials })
  createBucket(server.store, 'files', { versioning: 'Enabled' })
  s3 = testClient(server.url, credentials)
  browser = await startBrowser()
})

afterAll(async () => {
  s3?.destroy()
  await browser?.[Symbol.asyncDispose]()
  await server?.close()
})

/** The ETag of `from a script`. */
const ETAG = `"${createHash('md5').update('from a script').digest('hex')}"`

/** Puts a text with `fetch`, and returns the status and the ETag that the script may read, or the name of its error. */
function put(page: Page, url: string): Promise<unknown> {
  const script = `fetch(${JSON.stringify(url)}, { method: 'PUT', body: 'from a script', headers: { 'x-amz-meta-a': 'b' } })
    .then(response => [response.status, response.headers.get('etag')], error => error.name)`
  return page.evaluate(script)
}

test('a page uploads with a presigned URL if a CORS rule of the bucket admits its origin, and another page does not', async () => {
  const APP = `http://app.example:${browser.port}`
  const url = await getSignedUrl(s3, new PutObjectCommand({ Bucket: 'files', Key: 'k', Metadata: { a: 'b' } }), {
    unhoistableHeaders: new Set(['x-amz-meta-a']),
  })
  const app = await browser.open(APP)
  expect(await put(app.page, url)).toBe('TypeError')
  const rule = { AllowedOrigins: [APP], AllowedMethods: ['PUT'], AllowedHeaders: ['*'], ExposeHeaders: ['ETag'] }
  await s3.send(new PutBucketCorsCommand({ Bucket: 'files', CORSConfiguration: { CORSRules: [rule] } }))
  expect(await put(app.page, url)).toEqual([200, ETAG])
  const evil = await browser.open(`http://evil.example:${browser.port}`)
  expect(await put(evil.page, url)).toBe('TypeError')
  const read = await s3.send(new GetObjectCommand({ Bucket: 'files', Key: 'k' }))
  expect([await read.Body?.transformToString(), read.Metadata]).toEqual(['from a script', { a: 'b' }])
  await app.context.close()
  await evil.context.close()
})

test('a form with a signed policy uploads a file from any page and returns to it', async () => {
  const origin = `http://app.example:${browser.port}`
  const { page, context } = await browser.open(origin)
  // biome-ignore lint/suspicious/noTemplateCurlyInString: S3's own placeholder
  const fields = { key: 'in/${filename}', success_action_redirect: `${origin}/done` }
  const conditions = [['starts-with', '$key', 'in/'], { success_action_redirect: `${origin}/done` }]
  const inputs = Object.entries({ ...fields, ...signPolicy('files', credentials, conditions) })
    .map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`)
    .join('')
  await page.setContent(
    `<form method="post" enctype="multipart/form-data" action="${server.url}/files">${inputs}<input type="file" name="file"><button>Send</button></form>`,
  )
  await page.setInputFiles('input[type=file]', { name: 'note.txt', mimeType: 'text/plain', buffer: Buffer.from('from a form') })
  await Promise.all([page.waitForURL(`${origin}/done**`), page.click('button')])
  expect(new URL(page.url()).searchParams.get('key')).toBe('in/note.txt')
  const read = await s3.send(new GetObjectCommand({ Bucket: 'files', Key: 'in/note.txt' }))
  expect(await read.Body?.transformToString()).toBe('from a form')
  await context.close()
})
