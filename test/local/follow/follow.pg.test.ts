import { readFileSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startCatalog } from '../../../local/catalog.ts'
import { readSettings } from '../../../local/settings.ts'
import { connect } from '../../../shared/database/connection.ts'
import { makeDataFolder } from '../../support/postgres/data-folder.ts'
import { makeBucket, testS3, versionsInBucket, versionsInCatalog } from '../../support/s3/bucket.ts'
import { asImplementation } from '../../support/s3/other-s3.ts'

test('a catalog follows a bucket of another S3 by its notifications, and by comparing it', { timeout: 60_000 }, async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'tester')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
  onTestFinished(() => void vi.unstubAllEnvs())
  await using aws = await testS3()
  await makeBucket(aws.s3, 'docs', 'Enabled')
  await aws.s3.send(new PutObjectCommand({ Bucket: 'docs', Key: 'before', Body: 'x' }))
  await using other = await asImplementation(aws, 'ceph')
  const folder = await makeDataFolder('storage-catalog-follow-')
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const endpoint = (await other.s3.config.endpoint?.()) ?? { hostname: '', port: 0 }
  const settings = readSettings(
    [
      ...['--s3-endpoint', `http://${endpoint.hostname}:${endpoint.port}`, '--bucket', 'docs', '--poll-seconds', '1'],
      ...['--webhook-port', '0', '--api-port', '0', '--s3-port', '0', '--data', folder],
    ],
    {},
  )
  const catalog = await startCatalog(settings!)
  const sql = connect({ url: catalog.databaseUrl, max: 1 })
  const isEqual = async () => isDeepStrictEqual(await versionsInCatalog(sql, 'docs'), await versionsInBucket(aws.s3, 'docs'))
  await expect.poll(isEqual, { timeout: 20_000 }).toBe(true)

  aws.events.length = 0
  await aws.s3.send(new PutObjectCommand({ Bucket: 'docs', Key: 'a+b', Body: 'x', Tagging: 'a=1' }))
  await aws.s3.send(new DeleteObjectCommand({ Bucket: 'docs', Key: 'before' }))
  for (const body of other.events) expect((await fetch(catalog.webhookUrl ?? '', { method: 'POST', body })).status).toBe(200)
  await expect.poll(async () => (await sql`select from catalog.storage_audit`).length, { timeout: 20_000 }).toBe(2)
  await expect.poll(isEqual, { timeout: 20_000 }).toBe(true)

  await aws.s3.send(new DeleteObjectCommand({ Bucket: 'docs', Key: 'a+b' }))
  await expect.poll(isEqual, { timeout: 20_000 }).toBe(true)
  const search = await fetch(`${catalog.apiUrl}/objects`)
  expect([search.status, await search.json()]).toMatchObject([200, { items: [] }])

  const secret = join(folder, 'webhook-secret')
  expect(catalog.webhookUrl).toContain(readFileSync(secret, 'utf8').trim())
  expect(statSync(secret).mode & 0o777).toBe(0o600)
  await sql.end()
  await catalog.stop()
})

test('a bucket that cannot be read is an error that says what to check', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'tester')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
  onTestFinished(() => void vi.unstubAllEnvs())
  await using aws = await testS3()
  const folder = await makeDataFolder('storage-catalog-follow-')
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const args = ['--s3-endpoint', aws.server.url, '--bucket', 'none', '--webhook-port', '0', '--api-port', '0', '--s3-port', '0']
  await expect(startCatalog(readSettings([...args, '--data', folder], {})!)).rejects.toThrow(
    `Bucket none at ${aws.server.url} cannot be read (NotFound). Check the address, the bucket, and the credentials`,
  )
})

test.each([
  [['--s3-endpoint', 'http://127.0.0.1:9000'], '--s3-endpoint needs --bucket'],
  [['--bucket', 'docs'], '--bucket needs --s3-endpoint'],
  [['--s3-endpoint', 'http://id:secret@127.0.0.1:9000', '--bucket', 'docs'], 'must not contain credentials'],
  [['--s3-endpoint', 'ceph', '--bucket', 'docs'], 'CATALOG_S3_ENDPOINT must be an http or https address, not ceph'],
  [['--s3-endpoint', 'http://127.0.0.1:9000', '--bucket', 'docs', '--poll-seconds', '0'], 'CATALOG_POLL_SECONDS must be'],
])('the flags %j are refused: %s', (args, reason) => {
  expect(() => readSettings(args, {})).toThrow(reason)
})
