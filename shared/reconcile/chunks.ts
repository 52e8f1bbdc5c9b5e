import type { S3Client } from '@aws-sdk/client-s3'
import pMap from 'p-map'
import type { RecordedDifference } from '../catalog/differences.ts'
import type { Findings, ReconcileRun } from '../catalog/reconcile-runs.ts'
import type { Clock } from '../clock.ts'
import type { Sql } from '../database/connection.ts'
import { S3_CONCURRENCY } from '../s3/requests.ts'
import { type Difference, differencesOf } from './drift.ts'
import { readPair, walkPairs } from './pairs.ts'
import { type DifferingKey, repair } from './repair.ts'
import { differingSamples, pickSample, type Sampled } from './sample.ts'

/** What a comparison works with. */
export type Plan = {
  sql: Sql
  s3: S3Client
  run: Pick<ReconcileRun, 'bucket' | 'prefix' | 'isDryRun' | 'checkpoint'>
  requestsPerSecond: number
  sampleRate: number
  graceSeconds: number
  shouldStop: () => boolean
  clock: Clock
  random: () => number
}

/** A range of keys that was compared: up to `last`, to be repaired at `dueAt` (ms of the plan's clock); then the checkpoint moves after it. */
export type Chunk = { differing: DifferingKey[]; versions: number; last: string; dueAt: number }

/** A chunk ends after this many keys and versions, or when its differences need this many seconds of requests, within these bounds. */
const CHUNK_LIMITS = { entries: 20_000, seconds: 3, leastRequests: 30, mostRequests: 1500 }

/** Requests for a difference and for a sampled version: HEAD and tags, and perhaps a listing. */
const REQUESTS = { difference: 3, sample: 2 }

/** Compares a range chunk by chunk, in the order of keys. The last one ends early when `shouldStop` returns true. */
export async function* compareInChunks(plan: Plan): AsyncGenerator<Chunk> {
  const { sql, s3, run, requestsPerSecond, sampleRate, graceSeconds } = plan
  const mostRequests = Math.max(
    CHUNK_LIMITS.leastRequests,
    Math.min(CHUNK_LIMITS.mostRequests, requestsPerSecond * CHUNK_LIMITS.seconds),
  )
  let chunk = newChunk()
  for await (const pair of walkPairs(sql, s3, { bucket: run.bucket, prefix: run.prefix, after: run.checkpoint ?? undefined })) {
    const differences = differencesOf(pair, graceSeconds)
    const sampled = sampleRate > 0 ? pickSample(pair, differences, sampleRate, plan.random) : []
    const versions = pair.listed?.versions.length ?? 0
    chunk.last = pair.key
    chunk.versions += versions
    chunk.entries += versions + 1
    chunk.requests += differences.length * REQUESTS.difference + sampled.length * REQUESTS.sample
    chunk.sampled.push(...sampled)
    if (differences.length > 0) chunk.differing.push({ ...pair, differences })
    if (chunk.entries < CHUNK_LIMITS.entries && chunk.requests < mostRequests && !plan.shouldStop()) continue
    yield await closeChunk(plan, chunk)
    chunk = newChunk()
  }
  if (chunk.entries > 0) yield await closeChunk(plan, chunk)
}

/** Whether the wait of a chunk is over. */
export function isDue({ clock }: Plan, { dueAt }: Chunk): boolean {
  return clock.now() >= dueAt
}

/** Repairs the differences of a chunk that are certain, or that still exist after the wait. Returns them and their counts. */
export async function finishChunk(
  plan: Plan,
  { differing, versions }: Chunk,
): Promise<{ findings: Partial<Findings>; differences: RecordedDifference[] }> {
  const { sql, s3, run } = plan
  const { wait = [], certain = [] } = Object.groupBy(differing, item => (mustWait(item) ? 'wait' : 'certain'))
  const still = await pMap(wait, item => compareAgain(plan, item), { concurrency: S3_CONCURRENCY })
  const differences = await repair(sql, s3, run, [...certain, ...still.filter(({ differences }) => differences.length > 0)])
  const findings: Partial<Findings> = { versions, repaired: run.isDryRun ? 0 : differences.length }
  for (const { kind } of differences) findings[kind] = (findings[kind] ?? 0) + 1
  return { findings, differences }
}

type OpenChunk = Omit<Chunk, 'dueAt'> & { sampled: Sampled[]; entries: number; requests: number }

function newChunk(): OpenChunk {
  return { differing: [], sampled: [], versions: 0, entries: 0, requests: 0, last: '' }
}

async function closeChunk(
  { sql, s3, run, graceSeconds, clock }: Plan,
  { differing, sampled, versions, last }: OpenChunk,
): Promise<Chunk> {
  const found = new Map(differing.map(item => [item.key, item]))
  for (const { pair, versionId } of await differingSamples(sql, s3, run.bucket, sampled)) {
    const item = found.get(pair.key) ?? { ...pair, differences: [] }
    item.differences.push({ kind: 'wrongMetadata', versionId, trust: graceSeconds > 0 ? 'wait' : 'certain' })
    found.set(pair.key, item)
  }
  const all = [...found.values()]
  return { differing: all, versions, last, dueAt: all.some(mustWait) ? clock.now() + graceSeconds * 1000 : 0 }
}

function mustWait({ differences }: DifferingKey): boolean {
  return differences.some(({ trust }) => trust === 'wait')
}

/** A key with those of its differences that still exist. */
async function compareAgain({ sql, s3, run }: Plan, { key, differences: before }: DifferingKey): Promise<DifferingKey> {
  const pair = await readPair(sql, s3, { bucket: run.bucket, key })
  const listed = differencesOf(pair, 0)
  const sampled = before.filter(({ kind }) => kind === 'wrongMetadata').map(({ versionId }) => ({ pair, versionId }))
  const differing = await differingSamples(sql, s3, run.bucket, sampled)
  const inDetails = differing.map(({ versionId }): Difference => ({ kind: 'wrongMetadata', versionId, trust: 'certain' }))
  const isSame = (now: Difference) => before.some(({ versionId, kind }) => versionId === now.versionId && kind === now.kind)
  return { ...pair, differences: [...listed, ...inDetails].filter(isSame) }
}
