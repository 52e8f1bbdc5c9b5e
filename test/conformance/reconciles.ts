import { expect } from 'vitest'
import type { Jsonify } from '../../cli/connect/get-json.ts'
import { recordObject } from '../../shared/catalog/objects.ts'
import type { ReconcileRun } from '../../shared/catalog/reconcile-runs.ts'
import { connect, type Sql } from '../../shared/database/connection.ts'
import { writeInventory } from '../support/s3/inventory-report.ts'
import {
  auditOf,
  type ConformanceTest,
  historyOf,
  listKeys,
  newWord,
  objectOf,
  put,
  read,
  type TestInstallation,
  versionsOf,
  waitFor,
} from './fixture.ts'

/** The reconciler, through the API alone: repairs, digests, previews and inventories, with their progress, stopped and continued. */
export function testReconciles(test: ConformanceTest): void {
  test('a reconcile restores what the catalog lost, and removes what the bucket never had', async ({ installation, skip }) => {
    if (!installation.target.databaseUrl) return skip('its database cannot be reached')
    const { prefix } = installation
    const { key, versionId } = await put(installation, 'drift/lost.txt', 'x', { Metadata: { shelf: '7' } })
    await waitFor(installation, () => objectOf(installation, key), expect.objectContaining({ versionId }))
    const invented = `${prefix}drift/invented.txt`
    await invent(installation, invented)
    await lose(installation, key)
    expect([await objectOf(installation, key), (await objectOf(installation, invented))?.size]).toEqual([undefined, 5])

    const { id, findings } = await finish(installation, { prefix: `${prefix}drift/`, graceSeconds: 1 })
    expect(findings).toMatchObject({ versions: 1, repaired: 2 })
    const { items } = await read<{ items: unknown[] }>(installation, '/differences', { run: id })
    expect(items).toMatchObject([
      { key: invented, kind: 'orphaned' },
      { key, versionId, kind: 'missing' },
    ])
    expect(await objectOf(installation, key)).toMatchObject({ versionId, metadata: { shelf: '7' } })
    expect(await historyOf(installation, key)).toEqual([`${versionId} latest`])
    expect([await objectOf(installation, invented), await historyOf(installation, invented)]).toEqual([undefined, []])
  })

  test('a reconcile undoes nothing that was changed through the API', async ({ installation }) => {
    const { api, bucket } = installation
    const prefix = `${installation.prefix}written/`
    const { key, versionId } = await put(installation, 'written/tagged.txt', 'x')
    const deleted = await put(installation, 'written/deleted.txt', 'x')
    await waitFor(installation, async () => (await listKeys(installation, 'written/')).length, 2)
    const tags = { state: 'signed' }
    const change = { tags, comment: 'as signed', createdBy: 'ann' }
    expect(await api.request('PATCH', '/version', { bucket, key, versionId }, change)).toMatchObject({
      status: 200,
      body: change,
    })
    expect(await api.request('DELETE', '/object', { bucket, key: deleted.key })).toMatchObject({ status: 204 })
    expect(await objectOf(installation, deleted.key)).toBeUndefined()

    const { findings } = await finish(installation, { prefix, graceSeconds: 0, sampleRate: 1 })
    expect(findings).toMatchObject({ versions: 3, repaired: 0 })
    expect(await objectOf(installation, key)).toMatchObject({ tags })
    expect((await versionsOf(installation, key))[0]).toMatchObject(change)
    expect(await historyOf(installation, deleted.key)).toEqual([expect.stringMatching(/ marker latest$/), deleted.versionId])
    const entries = [...(await auditOf(installation, key)), ...(await auditOf(installation, deleted.key))]
    const ofApi = entries.filter(({ source }) => source === 'api').map(({ action }) => action)
    expect(ofApi.sort()).toEqual(['ANNOTATE', 'DELETE', 'TAG'])
  })

  test('a reconcile asks about the metadata and tags of every version when it is told to, and then of none that is not due', async ({
    installation,
  }) => {
    const prefix = `${installation.prefix}full/`
    const { key, versionId } = await put(installation, 'full/a.txt', 'x', { Metadata: { shelf: '7' }, Tagging: 'state=draft' })
    await waitFor(
      installation,
      () => objectOf(installation, key),
      expect.objectContaining({ versionId, tags: { state: 'draft' } }),
    )
    const equal = { versions: 1, wrongMetadata: 0, repaired: 0 }
    const full = await finish(installation, { prefix, sampleRate: 1, graceSeconds: 1 })
    expect(full.findings).toMatchObject({ ...equal, refreshed: 1 })
    expect((await finish(installation, { prefix, graceSeconds: 1 })).findings).toMatchObject({ ...equal, refreshed: 0 })
  })

  test('the digests of bucket and catalog are equal until the catalog loses something', async ({ installation, skip }) => {
    if (!installation.target.databaseUrl) return skip('its database cannot be reached')
    const prefix = `${installation.prefix}digest/`
    const { key, versionId } = await put(installation, 'digest/a.txt', 'x')
    await waitFor(installation, () => objectOf(installation, key), expect.objectContaining({ versionId }))
    const equal = await finish(installation, { kind: 'digest', prefix })
    expect(equal.result).toEqual({ bucket: { count: 1, hash: expect.any(String) }, catalog: expect.anything() })
    expect(sides(equal)).toHaveLength(1)
    await lose(installation, key)
    expect(sides(await finish(installation, { kind: 'digest', prefix }))).toHaveLength(2)
    expect((await finish(installation, { prefix, dryRun: true, graceSeconds: 0 })).findings.repaired).toBe(0)
    expect((await finish(installation, { prefix, graceSeconds: 0 })).findings.repaired).toBe(1)
  })

  test('a preview estimates a backfill, and an inventory report fills the catalog', async ({ installation, skip }) => {
    if (!installation.target.databaseUrl) return skip('its database cannot be reached')
    const prefix = `${installation.prefix}backfill/`
    const { key, versionId } = await put(installation, 'backfill/old.txt', 'x')
    await waitFor(installation, () => objectOf(installation, key), expect.objectContaining({ versionId }))
    const preview = await finish(installation, { kind: 'preview', prefix })
    expect(preview.result).toMatchObject({ isExact: true, versions: 1, cataloged: 1, requests: { list: 1, total: 1 } })

    const { s3, bucket } = installation
    const folder = `${installation.prefix}reports/`
    const manifest = await writeInventory(s3, { bucket, to: bucket, format: 'CSV', prefix, folder })
    await lose(installation, key)
    const { findings } = await finish(installation, { kind: 'inventory', prefix, manifest: `s3://${bucket}/${manifest}` })
    expect(findings).toMatchObject({ versions: 1, repaired: 1 })
    expect(await objectOf(installation, key)).toMatchObject({ versionId })
  })

  test('a run is listed, stopped at a checkpoint, and continued by the same request', async ({ installation, skip }) => {
    if (!installation.target.databaseUrl) return skip('its database cannot be reached')
    const { api, bucket } = installation
    const prefix = `${installation.prefix}stopped/`
    const invented = `${prefix}invented.txt`
    await invent(installation, invented)
    // It waits for an event of the difference.
    const { id } = await start(installation, { prefix, graceSeconds: 600 })
    await waitFor(installation, () => stateOf(installation, id), 'running')
    const { items } = await read<{ items: Run[] }>(installation, '/reconciles', { bucket, limit: 100 })
    expect(items).toContainEqual(expect.objectContaining({ id, prefix }))
    expect(await api.request('DELETE', '/reconcile', { id })).toMatchObject({ status: 202 })
    await waitFor(installation, () => stateOf(installation, id), 'stopped')
    expect(await objectOf(installation, invented)).toMatchObject({ size: 5 })
    expect(await finish(installation, { prefix, graceSeconds: 0 })).toMatchObject({ id, findings: { orphaned: 1, repaired: 1 } })
    expect(await api.request('DELETE', '/reconcile', { id })).toMatchObject({ status: 409 })
  })

  test('a run about a report that does not exist fails and says why', async ({ installation }) => {
    const { bucket, prefix } = installation
    const { id } = await start(installation, { kind: 'inventory', prefix, manifest: `s3://${bucket}/${prefix}none.json` })
    await waitFor(installation, () => stateOf(installation, id), 'failed')
    expect((await runOf(installation, id)).error).toMatch(/^NoSuchKey/)
  })
}

type Run = Jsonify<ReconcileRun>

async function start({ api, bucket }: TestInstallation, body: object): Promise<Run> {
  const { status, body: run } = await api.request('POST', '/reconciles', {}, { bucket, ...body })
  expect({ status, run }).toMatchObject({ status: 202 })
  return run as Run
}

/** Starts a run and waits until it is finished. */
async function finish(installation: TestInstallation, body: object): Promise<Run> {
  const { id } = await start(installation, body)
  await waitFor(installation, () => stateOf(installation, id), 'finished')
  return runOf(installation, id)
}

async function runOf(installation: TestInstallation, id: number): Promise<Run> {
  return read<Run>(installation, '/reconcile', { id })
}

async function stateOf(installation: TestInstallation, id: number): Promise<string> {
  return (await runOf(installation, id)).state
}

/** The different hashes of both sides. */
function sides({ result }: Run): string[] {
  return [...new Set(Object.values(result as Record<string, { hash: string }>).map(({ hash }) => hash))]
}

/** Makes the catalog lose an object that the bucket has, which no request of the API can. */
async function lose({ target, bucket }: TestInstallation, key: string): Promise<void> {
  await inDatabase(target, sql => sql`delete from catalog.storage_versions where bucket = ${bucket} and key = ${key}`)
}

/** Makes the catalog believe in an object that the bucket never had. */
async function invent({ target, bucket }: TestInstallation, key: string): Promise<void> {
  await inDatabase(target, sql => recordObject(sql, { bucket, key, size: 5, versionId: newWord() }))
}

async function inDatabase({ databaseUrl = '' }: TestInstallation['target'], work: (sql: Sql) => Promise<unknown>): Promise<void> {
  const sql = connect({ url: databaseUrl, max: 1 })
  await work(sql).finally(() => sql.end())
}
