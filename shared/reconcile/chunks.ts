import type { S3Client } from '@aws-sdk/client-s3'
import pMap from 'p-map'
import { driftOf, type Findings, noFindings, type ReconcileRun } from '../catalog/reconcile-runs.ts'
import type { Sql } from '../database/connection.ts'
import { type Difference, differencesOf } from './drift.ts'
import { pairOf, pairs } from './pairs.ts'
import { type Differing, LOOKS_AT_ONCE, repair } from './repair.ts'
import { differingSamples, type Sampled, sampleOf } from './sample.ts'

/** What legs are made with. */
export type Plan = {
  sql: Sql
  s3: S3Client
  run: Pick<ReconcileRun, 'bucket' | 'prefix' | 'isDryRun' | 'checkpoint'>
  requestsPerSecond: number
  sampleRate: number
  graceSeconds: number
  shouldStop: () => boolean
}

/** A stretch of keys that was compared: up to `last`, to be repaired at `dueAt` (ms since 1970), then the checkpoint is behind it. */
export type Leg = { differing: Differing[]; versions: number; last: string; dueAt: number }

/** A leg ends after so many keys and versions, or when its differences take so many seconds of requests, between these bounds. */
const LEG = { entries: 20_000, seconds: 3, leastRequests: 30, mostRequests: 1500 }

/** What a difference and a sampled version take: HEAD and tags, and perhaps a listing. */
const REQUESTS = { difference: 3, sample: 2 }

/** Compares a range leg by leg, in the order of keys; the last one ends early when the run is to stop. */
export async function* legs(plan: Plan): AsyncGenerator<Leg> {
  const { sql, s3, run, requestsPerSecond, sampleRate, graceSeconds } = plan
  const mostRequests = Math.max(LEG.leastRequests, Math.min(LEG.mostRequests, requestsPerSecond * LEG.seconds))
  let leg = newLeg()
  for await (const pair of pairs(sql, s3, { bucket: run.bucket, prefix: run.prefix, after: run.checkpoint ?? undefined })) {
    const differences = differencesOf(pair, graceSeconds)
    const sampled = sampleRate > 0 ? sampleOf(pair, differences, sampleRate) : []
    const versions = pair.listed?.versions.length ?? 0
    leg.last = pair.key
    leg.versions += versions
    leg.entries += versions + 1
    leg.requests += differences.length * REQUESTS.difference + sampled.length * REQUESTS.sample
    leg.sampled.push(...sampled)
    if (differences.length > 0) leg.differing.push({ ...pair, differences })
    if (leg.entries < LEG.entries && leg.requests < mostRequests && !plan.shouldStop()) continue
    yield await endLeg(plan, leg)
    leg = newLeg()
  }
  if (leg.entries > 0) yield await endLeg(plan, leg)
}

/** Whether nothing of a leg needs to wait any longer. */
export function isDue({ dueAt }: Leg): boolean {
  return Date.now() >= dueAt
}

/** Counts and repairs what of a leg differs for certain, or still does. */
export async function closeLeg(plan: Plan, { differing, versions }: Leg): Promise<Partial<Findings>> {
  const { sql, s3, run } = plan
  const { wait = [], certain = [] } = Object.groupBy(differing, item => (mustWait(item) ? 'wait' : 'certain'))
  const still = await pMap(wait, item => lookOnceMore(plan, item), { concurrency: LOOKS_AT_ONCE })
  const counts = await repair(sql, s3, run, [...certain, ...still.filter(({ differences }) => differences.length > 0)])
  return { ...counts, versions, repaired: run.isDryRun ? 0 : driftOf({ ...noFindings(), ...counts }) }
}

type OpenLeg = Omit<Leg, 'dueAt'> & { sampled: Sampled[]; entries: number; requests: number }

function newLeg(): OpenLeg {
  return { differing: [], sampled: [], versions: 0, entries: 0, requests: 0, last: '' }
}

async function endLeg({ sql, s3, run, graceSeconds }: Plan, { differing, sampled, versions, last }: OpenLeg): Promise<Leg> {
  const found = new Map(differing.map(item => [item.key, item]))
  for (const { pair, versionId } of await differingSamples(sql, s3, run.bucket, sampled)) {
    const item = found.get(pair.key) ?? { ...pair, differences: [] }
    item.differences.push({ kind: 'wrongMetadata', versionId, trust: graceSeconds > 0 ? 'wait' : 'certain' })
    found.set(pair.key, item)
  }
  const all = [...found.values()]
  return { differing: all, versions, last, dueAt: all.some(mustWait) ? Date.now() + graceSeconds * 1000 : 0 }
}

function mustWait({ differences }: Differing): boolean {
  return differences.some(({ trust }) => trust === 'wait')
}

/** A key with the differences that were there before and still are. */
async function lookOnceMore({ sql, s3, run }: Plan, { key, differences: before }: Differing): Promise<Differing> {
  const pair = await pairOf(sql, s3, { bucket: run.bucket, key })
  const listed = differencesOf(pair, 0)
  const sampled = before.filter(({ kind }) => kind === 'wrongMetadata').map(({ versionId }) => ({ pair, versionId }))
  const differing = await differingSamples(sql, s3, run.bucket, sampled)
  const inDetails = differing.map(({ versionId }): Difference => ({ kind: 'wrongMetadata', versionId, trust: 'certain' }))
  const isSame = (now: Difference) => before.some(({ versionId, kind }) => versionId === now.versionId && kind === now.kind)
  return { ...pair, differences: [...listed, ...inDetails].filter(isSame) }
}
