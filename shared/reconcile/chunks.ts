import type { S3Client } from '@aws-sdk/client-s3'
import pMap from 'p-map'
import type { RecordedDifference } from '../catalog/differences.ts'
import type { Findings, ReconcileRun } from '../catalog/reconcile-runs.ts'
import type { Clock } from '../clock.ts'
import type { Sql } from '../database/connection.ts'
import type { KeyFailure } from '../refresh/resolve-latest.ts'
import { S3_CONCURRENCY } from '../s3/requests.ts'
import { type Asked, type Asking, askAgain, type EqualVersion, longestAge, recordAsked, versionsToAsk } from './ask-again.ts'
import { type Difference, differencesOf } from './drift.ts'
import { readPair, walkPairs } from './pairs.ts'
import { type DifferingKey, repair } from './repair.ts'
import { distinctKeys } from './unsettled.ts'

/** What a comparison works with. */
export type Plan = Asking & {
  sql: Sql
  s3: S3Client
  run: Pick<ReconcileRun, 'bucket' | 'prefix' | 'isDryRun' | 'checkpoint'>
  requestsPerSecond: number
  graceSeconds: number
  shouldStop: () => boolean
  clock: Clock
}

/** A range of keys that was compared: up to `last`, to be repaired at `dueAt` (ms of the plan's clock); then the checkpoint moves after it. */
export type Chunk = {
  differing: DifferingKey[]
  asked: Asked
  versions: number
  oldestSeconds: number
  last: string
  dueAt: number
}

/** A chunk ends after this many keys and versions, or when its differences need this many seconds of requests, within these bounds. */
const CHUNK_LIMITS = { entries: 20_000, seconds: 3, leastRequests: 30, mostRequests: 1500 }

/** Requests for a difference and for a version that is asked again: HEAD and tags, and perhaps a listing. */
const REQUESTS = { difference: 3, equal: 2 }

/** Compares a range chunk by chunk, in the order of keys. The last one ends early when `shouldStop` returns true. */
export async function* compareInChunks(plan: Plan): AsyncGenerator<Chunk> {
  const { sql, s3, run, requestsPerSecond, graceSeconds } = plan
  const mostRequests = Math.max(
    CHUNK_LIMITS.leastRequests,
    Math.min(CHUNK_LIMITS.mostRequests, requestsPerSecond * CHUNK_LIMITS.seconds),
  )
  let chunk = newChunk()
  for await (const pair of walkPairs(sql, s3, { bucket: run.bucket, prefix: run.prefix, after: run.checkpoint ?? undefined })) {
    const differences = differencesOf(pair, graceSeconds)
    const toAsk = versionsToAsk(pair, differences, plan)
    const versions = pair.listed?.versions.length ?? 0
    chunk.last = pair.key
    chunk.versions += versions
    chunk.entries += versions + 1
    chunk.oldestSeconds = Math.max(chunk.oldestSeconds, longestAge(pair))
    chunk.requests += differences.length * REQUESTS.difference + toAsk.length * REQUESTS.equal
    chunk.toAsk.push(...toAsk)
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

/** What a chunk adds to the findings and differences of its run, and the keys that could not be settled; the checkpoint moves after `last`. */
export type FinishedChunk = {
  findings: Partial<Findings>
  differences: RecordedDifference[]
  failures: KeyFailure[]
  last: string
}

/**
 * Repairs the differences of a chunk that are certain, or that still exist after the wait, and records which versions were asked again.
 * Returns the differences and what they count.
 */
export async function finishChunk(
  plan: Plan,
  { differing, asked, versions, oldestSeconds, last }: Chunk,
): Promise<FinishedChunk> {
  const { sql, s3, run } = plan
  const failures = [...asked.failures]
  const { wait = [], certain = [] } = Object.groupBy(differing, item => (mustWait(item) ? 'wait' : 'certain'))
  const still = await pMap(wait, item => compareAgain(plan, item, failures), { concurrency: S3_CONCURRENCY })
  const items = [...certain, ...still.filter(({ differences }) => differences.length > 0)]
  const { differences, repaired, disagreeing, failures: unrepaired } = await repair(sql, s3, run, items)
  failures.push(...unrepaired)
  if (!run.isDryRun) failures.push(...(await recordAsked(sql, s3, asked)))
  const refreshed = asked.equal.length + asked.differing.length
  const unsettled = distinctKeys(failures)
  const findings: Partial<Findings> = { versions, repaired, refreshed, oldestSeconds, disagreeing, unsettled: unsettled.length }
  for (const { kind } of differences) findings[kind] = (findings[kind] ?? 0) + 1
  return { findings, differences, failures: unsettled, last }
}

type OpenChunk = Omit<Chunk, 'asked' | 'dueAt'> & { toAsk: EqualVersion[]; entries: number; requests: number }

function newChunk(): OpenChunk {
  return { differing: [], toAsk: [], versions: 0, oldestSeconds: 0, entries: 0, requests: 0, last: '' }
}

async function closeChunk(
  { sql, s3, run, graceSeconds, clock }: Plan,
  { differing, toAsk, versions, oldestSeconds, last }: OpenChunk,
): Promise<Chunk> {
  const found = new Map(differing.map(item => [item.key, item]))
  const asked = await askAgain(sql, s3, run.bucket, toAsk)
  for (const { pair, versionId } of asked.differing) {
    const item = found.get(pair.key) ?? { ...pair, differences: [] }
    item.differences.push({ kind: 'wrongMetadata', versionId, trust: graceSeconds > 0 ? 'wait' : 'certain' })
    found.set(pair.key, item)
  }
  const all = [...found.values()]
  const dueAt = all.some(mustWait) ? clock.now() + graceSeconds * 1000 : 0
  return { differing: all, asked, versions, oldestSeconds, last, dueAt }
}

function mustWait({ differences }: DifferingKey): boolean {
  return differences.some(({ trust }) => trust === 'wait')
}

/** A key with those of its differences that still exist. Adds to `failures`. */
async function compareAgain(
  { sql, s3, run }: Plan,
  { key, differences: before }: DifferingKey,
  failures: KeyFailure[],
): Promise<DifferingKey> {
  const pair = await readPair(sql, s3, { bucket: run.bucket, key })
  const listed = differencesOf(pair, 0)
  const toAsk = before.filter(({ kind }) => kind === 'wrongMetadata').map(({ versionId }) => ({ pair, versionId }))
  const { differing, failures: unanswered } = await askAgain(sql, s3, run.bucket, toAsk)
  failures.push(...unanswered)
  const inDetails = differing.map(({ versionId }): Difference => ({ kind: 'wrongMetadata', versionId, trust: 'certain' }))
  const isSame = (now: Difference) => before.some(({ versionId, kind }) => versionId === now.versionId && kind === now.kind)
  return { ...pair, differences: [...listed, ...inDetails].filter(isSame) }
}
