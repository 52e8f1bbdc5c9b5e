import { expect } from 'vitest'
import type { Jsonify } from '../../cli/connect/get-json.ts'
import type { ReconcileRun } from '../../shared/catalog/reconcile-runs.ts'
import { writeInventory } from '../support/s3/inventory-report.ts'
import { type ConformanceTest, historyOf, newWord, objectOf, put, read, type TestInstallation, waitFor } from './fixture.ts'

/** The reconciler, through the API alone: repairs, digests, previews and inventories, with their progress, stopped and continued. */
export function testReconciles(test: ConformanceTest): void {
  test('a reconcile restores what the catalog lost, and removes what the bucket never had', async ({ installation }) => {
    const { bucket, prefix } = installation
    const { key, versionId } = await put(installation, 'drift/lost.txt', 'x', { Metadata: { shelf: '7' } })
    await waitFor(installation, () => objectOf(installation, key), expect.objectContaining({ versionId }))
    const invented = `${prefix}drift/invented.txt`
    await installation.api.request('PUT', '/object', { bucket, key: invented }, { size: 5, versionId: newWord() })
    await lose(installation, key)
    expect([await objectOf(installation, key), (await objectOf(installation, invented))?.size]).toEqual([undefined, 5])

    const { findings } = await finish(installation, { prefix: `${prefix}drift/`, graceSeconds: 1 })
    expect(findings).toMatchObject({ versions: 1, repaired: 2 })
    expect(await objectOf(installation, key)).toMatchObject({ versionId, metadata: { shelf: '7' } })
    expect(await historyOf(installation, key)).toEqual([`${versionId} latest`])
    expect([await objectOf(installation, invented), await historyOf(installation, invented)]).toEqual([undefined, []])
  })

  test('the digests of bucket and catalog are equal until the catalog loses something', async ({ installation }) => {
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

  test('a preview estimates a backfill, and an inventory report fills the catalog', async ({ installation }) => {
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

  test('a run is listed, stopped at a checkpoint, and continued by the same request', async ({ installation }) => {
    const { api, bucket } = installation
    const prefix = `${installation.prefix}stopped/`
    const invented = `${prefix}invented.txt`
    await api.request('PUT', '/object', { bucket, key: invented }, { size: 5, versionId: newWord() })
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

/** Makes the catalog forget an object that the bucket has. */
async function lose({ api, bucket }: TestInstallation, key: string): Promise<void> {
  expect(await api.request('DELETE', '/object', { bucket, key })).toMatchObject({ status: 204 })
}
