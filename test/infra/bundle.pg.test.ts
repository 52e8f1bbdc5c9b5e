import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundle } from '../../infra/functions/bundle.ts'
import { testCredentials } from '../../local/s3/auth/credentials.ts'
import { readMigrations } from '../../shared/database/migration-files.ts'
import { functionNames } from '../../shared/functions.ts'
import { type IndexerStage, startStage } from '../support/indexer-stage.ts'
import { freshDatabase, type TestDatabase } from '../support/postgres/database.ts'
import { importEveryFile, runBundle, sizeOfBundle } from '../support/run-bundle.ts'
import { sqsEvent } from '../support/sqs.ts'

const ROOT = join(import.meta.dirname, '../..')
const NAMES = functionNames()

/** Outside of the repository, where no `node_modules` helps. */
const away = mkdtempSync(join(tmpdir(), 'storage-catalog-bundles-'))
const bundles: Record<string, string> = {}

beforeAll(() => {
  for (const name of NAMES) {
    const folder = bundle(name)
    bundles[name] = join(away, basename(folder))
    cpSync(folder, bundles[name], { recursive: true })
  }
})

afterAll(() => rmSync(away, { recursive: true }))

describe('a bundle', () => {
  test.each(NAMES)('of %s needs no file outside of it, also for lazy imports', async name => {
    await importEveryFile(bundles[name]!, {
      DATABASE_URL: 'postgres://nobody@localhost/none',
      AWS_REGION: 'us-east-1',
      CATALOG_AUDIT_RETENTION_DAYS: '365',
      CATALOG_BUCKET: 'docs',
      CATALOG_DEAD_LETTER_QUEUE_URL: 'http://localhost/dead',
      CATALOG_RECONCILE_HOURS: '24',
      CATALOG_RECONCILER_FUNCTION: 'reconciler',
    })
  })

  test('made again is the same', () => {
    expect(basename(bundle('pruner'))).toBe(basename(bundles.pruner!))
  })

  test('does not contain the path where it was built', () => {
    const files = NAMES.flatMap(name => filesOf(bundles[name]!))
    expect(files.filter(file => readFileSync(file).includes(ROOT))).toEqual([])
  })

  test('keeps the names of error classes', () => {
    const text = readFileSync(join(bundles.api!, 'index.mjs'), 'utf8')
    expect(text).toContain('"PostgresError"')
    expect(text).toContain('"HttpError"')
  })

  test.each(['api', 'indexer'])('of %s loads at most 100 KB before its handler is ready', name => {
    expect(sizeOfBundle(bundles[name]!).start).toBeLessThan(100 * 1024)
  })
})

describe('a bundle works as its function:', () => {
  let database: TestDatabase
  let stage: IndexerStage
  let env: Record<string, string>

  beforeAll(async () => {
    database = await freshDatabase()
    // Reconcile waits a minute before it believes that a change was missed.
    stage = await startStage(database.sql, { clock: () => Date.now() - 600_000 })
    env = {
      DATABASE_URL: database.url,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: testCredentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: testCredentials.secretAccessKey,
      AWS_ENDPOINT_URL_S3: stage.server.url,
      AWS_ENDPOINT_URL_SQS: stage.server.url,
      CATALOG_DEAD_LETTER_QUEUE_URL: `${stage.server.url}/000000000000/${stage.server.deadLetters.name}`,
      CATALOG_S3_PATH_STYLE: 'true',
      CATALOG_AUDIT_RETENTION_DAYS: '365',
      CATALOG_BUCKET: 'docs',
      CATALOG_RECONCILE_HOURS: '24',
      CATALOG_RECONCILER_FUNCTION: 'reconciler',
    }
  })

  afterAll(async () => {
    await stage[Symbol.asyncDispose]()
    await database[Symbol.asyncDispose]()
  })

  const run = async (name: string, event: unknown, more: Record<string, string> = {}) =>
    (await runBundle(bundles[name]!, { ...env, ...more }, event)).response

  test('migrator applies the migrations of its bundle to an empty database', async () => {
    await using empty = await freshDatabase('template1')
    const { tables, functions } = await readMigrations(join(ROOT, 'migrations'))
    const applied = [...tables, ...functions].map(({ name }) => name)
    expect(await run('migrator', {}, { DATABASE_URL: empty.url })).toEqual({ applied, already: [] })
    expect(await run('migrator', {}, { DATABASE_URL: empty.url })).toEqual({ applied: [], already: applied })
  })

  test('migrator has the certificates of RDS', () => {
    expect(readFileSync(join(bundles.migrator!, 'rds-ca.pem'), 'utf8')).toMatch(/^-----BEGIN CERTIFICATE-----\n/)
  })

  test('indexer indexes an upload, and sends a message that can never be indexed to the dead-letter queue', async () => {
    const body = await stage.put('report.pdf')
    expect(await run('indexer', sqsEvent([body, 'no JSON']))).toEqual({ batchItemFailures: [] })
    expect(await stage.keys()).toContain('report.pdf')
    expect(stage.server.deadLetters.messages(10).map(message => message.body)).toEqual(['no JSON'])
  })

  test.each([
    ['GET', '/health', undefined, 200],
    ['GET', '/openapi.json', undefined, 200],
    ['GET', '/search', undefined, 400],
    ['POST', '/uploads', { key: 'new.pdf' }, 201],
  ])('api responds to %s %s', async (httpMethod, path, body, statusCode) => {
    const event = {
      httpMethod,
      path,
      resource: path,
      headers: { 'content-type': 'application/json' },
      requestContext: { requestId: 'one', identity: {} },
      body: body && JSON.stringify(body),
    }
    expect(await run('api', event)).toMatchObject({ statusCode })
  })

  test('pruner prunes', async () => {
    expect(await run('pruner', {})).toMatchObject({ deletedTombstones: 0 })
  })

  test('reconciler indexes an object whose event was lost', async () => {
    await stage.put('missed.pdf')
    expect(await run('reconciler', { bucket: 'docs' })).toMatchObject({ done: true })
    expect(await stage.keys()).toContain('missed.pdf')
  })

  test('api invokes the reconciler by its name for a run', async () => {
    const invoked: unknown[] = []
    const lambda = createServer((request, response) => {
      request.on('data', body => invoked.push([request.url, JSON.parse(String(body))]))
      request.on('end', () => response.writeHead(202).end())
    })
    await new Promise<void>(listening => lambda.listen(0, '127.0.0.1', listening))
    const endpoint = `http://127.0.0.1:${(lambda.address() as AddressInfo).port}`
    const path = '/reconciles'
    const event = {
      httpMethod: 'POST',
      path,
      resource: path,
      headers: { 'content-type': 'application/json' },
      requestContext: { requestId: 'one', identity: {} },
      body: JSON.stringify({ kind: 'digest' }),
    }
    const response = (await run('api', event, { AWS_ENDPOINT_URL_LAMBDA: endpoint })) as { statusCode: number; body: string }
    expect(response.statusCode).toBe(202)
    const runId = JSON.parse(response.body).id
    expect(invoked).toEqual([['/2015-03-31/functions/reconciler/invocations', { runId }]])
    lambda.close()
  })

  test.each([
    ['CATALOG_BUCKET', '', 'CATALOG_BUCKET is required: the bucket of the catalog'],
    ['CATALOG_S3_PATH_STYLE', 'yes', 'CATALOG_S3_PATH_STYLE must be true or false, not yes'],
    ['CATALOG_BUKET', 'docs', 'CATALOG_BUKET is not a variable of the catalog'],
  ])('reconciler does not start with %s=%s', async (name, value, reason) => {
    await expect(run('reconciler', { bucket: 'docs' }, { [name]: value })).rejects.toThrow(`Invalid: ${reason}`)
  })
})

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
}
