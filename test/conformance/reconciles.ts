import { expect } from 'vitest'
import type { Jsonify } from '../../cli/connect/get-json.ts'
import type { ReconcileRun } from '../../shared/catalog/reconcile-runs.ts'
import { writeInventory } from '../support/inventory-report.ts'
import { type ConformanceTest, eventually, historyOf, newWord, objectOf, put, read, type Scene } from './scene.ts'

/** The reconciler, through the API alone: repairs, digests, previews and inventories, with their progress, stopped and continued. */
export function tellReconciles(test: ConformanceTest): void {
  test('a reconcile restores what the catalog lost, and removes what the bucket never had', async ({ scene }) => {
    const { bucket, prefix } = scene
    const { key, versionId } = await put(scene, 'drift/lost.txt', 'x', { Metadata: { shelf: '7' } })
    await eventually(scene, () => objectOf(scene, key), expect.objectContaining({ versionId }))
    const invented = `${prefix}drift/invented.txt`
    await scene.api.ask('PUT', '/object', { bucket, key: invented }, { size: 5, versionId: newWord() })
    await lose(scene, key)
    expect([await objectOf(scene, key), (await objectOf(scene, invented))?.size]).toEqual([undefined, 5])

    const { findings } = await finish(scene, { prefix: `${prefix}drift/`, graceSeconds: 1 })
    expect(findings).toMatchObject({ versions: 1, repaired: 2 })
    expect(await objectOf(scene, key)).toMatchObject({ versionId, metadata: { shelf: '7' } })
    expect(await historyOf(scene, key)).toEqual([`${versionId} latest`])
    expect([await objectOf(scene, invented), await historyOf(scene, invented)]).toEqual([undefined, []])
  })

  test('the digests of bucket and catalog are equal until the catalog loses something', async ({ scene }) => {
    const prefix = `${scene.prefix}digest/`
    const { key, versionId } = await put(scene, 'digest/a.txt', 'x')
    await eventually(scene, () => objectOf(scene, key), expect.objectContaining({ versionId }))
    const equal = await finish(scene, { kind: 'digest', prefix })
    expect(equal.result).toEqual({ bucket: { count: 1, hash: expect.any(String) }, catalog: expect.anything() })
    expect(sides(equal)).toHaveLength(1)
    await lose(scene, key)
    expect(sides(await finish(scene, { kind: 'digest', prefix }))).toHaveLength(2)
    expect((await finish(scene, { prefix, dryRun: true, graceSeconds: 0 })).findings.repaired).toBe(0)
    expect((await finish(scene, { prefix, graceSeconds: 0 })).findings.repaired).toBe(1)
  })

  test('a preview estimates a backfill, and an inventory report fills the catalog', async ({ scene }) => {
    const prefix = `${scene.prefix}backfill/`
    const { key, versionId } = await put(scene, 'backfill/old.txt', 'x')
    await eventually(scene, () => objectOf(scene, key), expect.objectContaining({ versionId }))
    const preview = await finish(scene, { kind: 'preview', prefix })
    expect(preview.result).toMatchObject({ isExact: true, versions: 1, cataloged: 1, requests: { list: 1, total: 1 } })

    const { s3, bucket } = scene
    const folder = `${scene.prefix}reports/`
    const manifest = await writeInventory(s3, { bucket, to: bucket, format: 'CSV', prefix, folder })
    await lose(scene, key)
    const { findings } = await finish(scene, { kind: 'inventory', prefix, manifest: `s3://${bucket}/${manifest}` })
    expect(findings).toMatchObject({ versions: 1, repaired: 1 })
    expect(await objectOf(scene, key)).toMatchObject({ versionId })
  })

  test('a run is listed, stopped at a checkpoint, and continued by the same request', async ({ scene }) => {
    const { api, bucket } = scene
    const prefix = `${scene.prefix}stopped/`
    const invented = `${prefix}invented.txt`
    await api.ask('PUT', '/object', { bucket, key: invented }, { size: 5, versionId: newWord() })
    // It waits for an event of the difference.
    const { id } = await start(scene, { prefix, graceSeconds: 600 })
    await eventually(scene, () => stateOf(scene, id), 'running')
    const { items } = await read<{ items: Run[] }>(scene, '/reconciles', { bucket, limit: 100 })
    expect(items).toContainEqual(expect.objectContaining({ id, prefix }))
    expect(await api.ask('DELETE', '/reconcile', { id })).toMatchObject({ status: 202 })
    await eventually(scene, () => stateOf(scene, id), 'stopped')
    expect(await objectOf(scene, invented)).toMatchObject({ size: 5 })
    expect(await finish(scene, { prefix, graceSeconds: 0 })).toMatchObject({ id, findings: { orphaned: 1, repaired: 1 } })
    expect(await api.ask('DELETE', '/reconcile', { id })).toMatchObject({ status: 409 })
  })

  test('a run about a report that does not exist fails and says why', async ({ scene }) => {
    const { bucket, prefix } = scene
    const { id } = await start(scene, { kind: 'inventory', prefix, manifest: `s3://${bucket}/${prefix}none.json` })
    await eventually(scene, () => stateOf(scene, id), 'failed')
    expect((await runOf(scene, id)).error).toMatch(/^NoSuchKey/)
  })
}

type Run = Jsonify<ReconcileRun>

async function start({ api, bucket }: Scene, body: object): Promise<Run> {
  const { status, body: run } = await api.ask('POST', '/reconciles', {}, { bucket, ...body })
  expect({ status, run }).toMatchObject({ status: 202 })
  return run as Run
}

/** Starts a run and waits until it is finished. */
async function finish(scene: Scene, body: object): Promise<Run> {
  const { id } = await start(scene, body)
  await eventually(scene, () => stateOf(scene, id), 'finished')
  return runOf(scene, id)
}

async function runOf(scene: Scene, id: number): Promise<Run> {
  return read<Run>(scene, '/reconcile', { id })
}

async function stateOf(scene: Scene, id: number): Promise<string> {
  return (await runOf(scene, id)).state
}

/** The different hashes of both sides. */
function sides({ result }: Run): string[] {
  return [...new Set(Object.values(result as Record<string, { hash: string }>).map(({ hash }) => hash))]
}

/** Makes the catalog forget an object that the bucket has. */
async function lose({ api, bucket }: Scene, key: string): Promise<void> {
  expect(await api.ask('DELETE', '/object', { bucket, key })).toMatchObject({ status: 204 })
}
