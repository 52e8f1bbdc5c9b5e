import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { type RunningCatalog, runCatalog } from '../support/running-catalog.ts'

const ROOT = join(import.meta.dirname, '../..')
const PAGE = readFileSync(join(ROOT, 'docs/migrate-from-sqlite.md'), 'utf8')
const codeOf = (language: string) => new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(PAGE)?.[1] ?? ''

test('the script of the page brings comments, authors, tags and audit entries of a SQLite file into a running catalog', {
  timeout: 60_000,
}, async () => {
  await using catalog = await runCatalog()
  const first = await put(catalog, 'a b/ä+1.txt')
  await put(catalog, 'a b/ä+1.txt')
  await put(catalog, 'latest.txt')
  const file = join(catalog.folder, 'old.db')
  fill(file, first)
  await expect.poll(() => get(catalog, '/statistics'), { timeout: 10_000 }).toMatchObject({ versions: 3 })

  expect(await importSqlite(catalog, file)).toBe(
    '2 versions annotated, 1001 audit entries logged\nnot in the catalog: deleted long ago.txt\n',
  )
  const name = `key=${encodeURIComponent('a b/ä+1.txt')}`
  await expect
    .poll(() => get(catalog, `/versions?${name}`), { timeout: 10_000 })
    .toMatchObject({
      items: [
        { comment: null, tags: {} },
        { versionId: first, comment: 'as signed', createdBy: 'anna', tags: { project: 'x' } },
      ],
    })
  expect(await get(catalog, '/versions?key=latest.txt')).toMatchObject({ items: [{ comment: null, createdBy: 'ben' }] })
  expect(await get(catalog, `/audit?${name}&claimedUserId=anna`)).toMatchObject({
    items: [
      {
        occurredAt: '2019-05-01T08:00:00.000Z',
        action: 'UPLOAD',
        versionId: first,
        source: 'posted',
        claimed: expect.objectContaining({ userId: 'anna', ipAddress: '192.0.2.1' }),
        metadata: { source: 'sqlite' },
      },
    ],
  })
  expect((await get(catalog, '/audit?action=LOGIN&limit=1000')).items).toHaveLength(1000)
})

function fill(file: string, first: string): void {
  const db = new DatabaseSync(file)
  db.exec(codeOf('sql'))
  const insertFile = db.prepare('insert into files (key, version_id, comment, author, tags) values (?, ?, ?, ?, ?)')
  insertFile.run('a b/ä+1.txt', first, 'as signed', 'anna', '{"project":"x"}')
  insertFile.run('deleted long ago.txt', null, 'gone', null, null)
  insertFile.run('latest.txt', null, null, 'ben', null)
  const insertEntry = db.prepare('insert into audit_log (at, user, action, key, version_id, address) values (?, ?, ?, ?, ?, ?)')
  insertEntry.run('2019-05-01T10:00:00+02:00', 'anna', 'UPLOAD', 'a b/ä+1.txt', first, '192.0.2.1')
  for (let n = 0; n < 1000; n++) insertEntry.run('2020-01-01T00:00:00Z', 'ben', 'LOGIN', null, null, null)
  db.close()
}

/** Runs the script as it stands on the page, from the repository, as a file there would; returns what it printed. */
async function importSqlite(catalog: RunningCatalog, file: string): Promise<string> {
  const env = {
    ...process.env,
    CATALOG_API_URL: catalog.apiUrl,
    AWS_ENDPOINT_URL_S3: catalog.s3Url,
    AWS_ACCESS_KEY_ID: catalog.accessKeyId,
    AWS_SECRET_ACCESS_KEY: catalog.secretAccessKey,
    AWS_REGION: 'us-east-1',
  }
  const child = execFile(process.execPath, ['--input-type=module', '-', file, catalog.bucket], { cwd: ROOT, env })
  let output = ''
  child.stdout?.on('data', chunk => (output += chunk))
  child.stderr?.on('data', chunk => (output += chunk))
  child.stdin?.end(codeOf('js'))
  await once(child, 'close')
  return output.replaceAll(/^.*(?:ExperimentalWarning|trace-warnings).*\n/gm, '')
}

async function put(catalog: RunningCatalog, Key: string): Promise<string> {
  const { s3Url: endpoint, accessKeyId, secretAccessKey } = catalog
  const s3 = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } })
  const { VersionId = '' } = await s3.send(new PutObjectCommand({ Bucket: catalog.bucket, Key, Body: 'x' }))
  s3.destroy()
  return VersionId
}

async function get(catalog: RunningCatalog, path: string): Promise<{ items: unknown[] }> {
  return (await fetch(`${catalog.apiUrl}${path}`)).json() as Promise<{ items: unknown[] }>
}
