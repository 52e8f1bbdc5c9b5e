import { setTimeout as sleep } from 'node:timers/promises'
import type { S3Client } from '@aws-sdk/client-s3'
import pMap from 'p-map'
import type { Sql } from './connection.ts'
import { type Difference, differencesOf } from './drift.ts'
import { type CatalogedKey, compareKeys, type ListedKey, listBucket, listCatalog } from './listing.ts'
import { lookAtVersion } from './look.ts'
import { applyObservations, databaseTime, type LatestLook, type Observation } from './observations.ts'
import { noFindings, type ReconcileRun, saveCheckpoint } from './reconcile-runs.ts'
import { differsInDetails } from './reconcile-sample.ts'
import { settle } from './settle.ts'

/** How a reconcile works; what is left out has a default that suits a bucket in use. */
export type ReconcileOptions = {
  /** Bound of what S3 is asked. */
  requestsPerSecond?: number
  /** Share (0 to 1) of the versions equal in the listing that are asked about too, because a listing tells no metadata. */
  sampleRate?: number
  /** A difference younger than this may have its event on the way: it is drift only if it is still there after that time. */
  graceSeconds?: number
  onProgress?: (run: ReconcileRun) => void
  /** Asked after each step; true stops the run at its checkpoint. */
  shouldStop?: () => boolean
}

/** Keys that differ, or keys compared, until a step is repaired and its checkpoint written. */
const STEP = { differences: 500, keys: 10_000 }
const LOOKS_AT_ONCE = 32

/**
 * Compares a bucket with the catalog, both streamed in the order of keys, and repairs what differs by asking S3 and writing
 * the answer as events are: as of the time before it was asked, so that changes meanwhile are neither drift nor undone.
 * Goes on behind the run's checkpoint; answers the run as it is when it ends or is stopped.
 */
export async function reconcile(
  sql: Sql,
  s3: S3Client,
  run: ReconcileRun,
  options: ReconcileOptions = {},
): Promise<ReconcileRun> {
  const { requestsPerSecond = 500, sampleRate = 0, graceSeconds = 60 } = options
  const findings = { ...noFindings(), ...run.findings }
  const work = { sql, s3, run, findings, graceSeconds, turn: pace(requestsPerSecond, () => findings.requests++) }
  const range = { bucket: run.bucket, prefix: run.prefix, after: run.checkpoint ?? undefined }

  const found: Found[] = []
  let checkpoint = run.checkpoint
  let compared = 0
  const step = async (isLast: boolean) => {
    await handle(work, found.splice(0))
    const saved = await saveCheckpoint(sql, { ...run, findings, checkpoint }, isLast)
    options.onProgress?.(saved)
    compared = 0
    return saved
  }
  const listing = listBucket(s3, { ...range, turn: work.turn, now: () => databaseTime(sql) })
  for await (const pair of inStep(listing, listCatalog(sql, range))) {
    const { listed, cataloged } = pair
    findings.versions += listed?.versions.length ?? 0
    const differences = differencesOf(listed, cataloged, Date.now() / 1000, graceSeconds)
    const sampled = sampleRate > 0 ? sample(pair, differences, sampleRate) : []
    if (differences.length + sampled.length > 0) found.push({ ...pair, differences, sampled, foundAt: Date.now() })
    checkpoint = (listed ?? cataloged)?.key ?? checkpoint
    if (found.length < STEP.differences && ++compared < STEP.keys) continue
    const saved = await step(false)
    if (options.shouldStop?.()) return saved
  }
  return step(true)
}

type Pair = { listed?: ListedKey; cataloged?: CatalogedKey }
type Found = Pair & { differences: Difference[]; sampled: Difference[]; foundAt: number }
type Work = {
  sql: Sql
  s3: S3Client
  run: ReconcileRun
  findings: ReconcileRun['findings']
  graceSeconds: number
  turn: () => Promise<void>
}

/** Walks two sorted streams side by side. */
async function* inStep(listing: AsyncGenerator<ListedKey>, catalog: AsyncGenerator<CatalogedKey>): AsyncGenerator<Pair> {
  let [listed, cataloged] = [await take(listing), await take(catalog)]
  while (listed || cataloged) {
    const order = !listed ? 1 : !cataloged ? -1 : compareKeys(listed.key, cataloged.key)
    yield { listed: order <= 0 ? listed : undefined, cataloged: order >= 0 ? cataloged : undefined }
    if (order <= 0) listed = await take(listing)
    if (order >= 0) cataloged = await take(catalog)
  }
}

async function take<T>(stream: AsyncGenerator<T>): Promise<T | undefined> {
  const { value, done } = await stream.next()
  return done ? undefined : value
}

/** Waits until young differences are old enough to tell, then counts and repairs those that are still there. */
async function handle(work: Work, found: Found[]): Promise<void> {
  const isDoubtful = ({ differences }: Found) => differences.some(({ isYoung }) => isYoung)
  const doubtful = found.filter(isDoubtful)
  const certain = found.filter(item => !isDoubtful(item))
  await repair(work, certain)
  const youngest = Math.max(...doubtful.map(({ foundAt }) => foundAt))
  if (doubtful.length > 0) await sleep(Math.max(0, youngest + work.graceSeconds * 1000 - Date.now()))
  await repair(
    work,
    (await pMap(doubtful, item => lookOnceMore(work, item), { concurrency: LOOKS_AT_ONCE })).filter(
      item => item.differences.length > 0,
    ),
  )
}

/** The differences of a key that were there before and still are. */
async function lookOnceMore(
  { sql, s3, run, turn }: Work,
  { differences: before, foundAt, listed, cataloged }: Found,
): Promise<Found> {
  const key = (listed ?? cataloged)?.key ?? ''
  const range = { bucket: run.bucket, prefix: key }
  const pair = {
    listed: await take(listBucket(s3, { ...range, turn, now: () => databaseTime(sql) })),
    cataloged: await take(listCatalog(sql, range)),
  }
  const isSame = (a: Difference) => before.some(b => a.versionId === b.versionId && a.kind === b.kind)
  const own = {
    listed: pair.listed?.key === key ? pair.listed : undefined,
    cataloged: pair.cataloged?.key === key ? pair.cataloged : undefined,
  }
  return { ...own, differences: differencesOf(own.listed, own.cataloged, 0, 0).filter(isSame), sampled: [], foundAt }
}

/** Counts differences, asks S3 about their versions and writes what it answers. A dry run only counts. */
async function repair({ sql, s3, run, findings, turn }: Work, found: Found[]): Promise<void> {
  const certain = found.flatMap(({ differences }) => differences)
  for (const { kind } of certain) findings[kind]++
  const { bucket } = run
  const ask = async ({ key, versionId }: Difference): Promise<Observation> => {
    await turn()
    await turn()
    const sight = await lookAtVersion(s3, { bucket, key, versionId })
    return { bucket, key, versionId, claimsLatest: false, seen: true, sequencer: '', ...sight }
  }
  const sampled = await pMap(
    found.flatMap(item => item.sampled),
    ask,
    { concurrency: LOOKS_AT_ONCE },
  )
  const wrong = await differsInDetails(sql, sampled)
  findings.wrongMetadata += wrong.length
  if (run.isDryRun || certain.length + wrong.length === 0) return

  // Of pages listed at different times the earliest: everything here was asked for after it.
  const asOf = found.flatMap(({ listed }) => listed?.asOf ?? []).sort()[0] ?? (await databaseTime(sql))
  const observed = [...wrong, ...(await pMap(certain, ask, { concurrency: LOOKS_AT_ONCE }))]
  const differing = found.filter(({ differences }) => differences.length > 0)
  const [changed, steady] = split(differing, item => hasChanged(item, observed))
  const unsettled = await applyObservations(sql, asOf, { observed, looked: steady.map(item => latestOf(bucket, item)) })
  await settle(sql, s3, [
    ...unsettled,
    ...changed.map(({ listed, cataloged }) => ({ bucket, key: (listed ?? cataloged)?.key ?? '' })),
  ])
  findings.repaired += certain.length + wrong.length
}

/** Whether S3 answers otherwise than its listing did: what the listing said of the latest version is old then, too. */
function hasChanged({ listed, cataloged }: Pair, observed: Observation[]): boolean {
  const key = (listed ?? cataloged)?.key
  const isListed = (versionId: string) => listed?.versions.some(version => version.versionId === versionId) ?? false
  return observed.some(o => o.key === key && (o.state !== 'gone') !== isListed(o.versionId))
}

function latestOf(bucket: string, { listed, cataloged }: Pair): LatestLook {
  const latest = listed?.versions.find(({ isLatest }) => isLatest)
  return { bucket, key: (listed ?? cataloged)?.key ?? '', versionId: latest?.versionId ?? null }
}

function sample({ listed }: Pair, differences: Difference[], rate: number): Difference[] {
  const equal = (listed?.versions ?? []).filter(v => !v.isDeleteMarker && !differences.some(d => d.versionId === v.versionId))
  const chosen = equal.filter(() => Math.random() < rate)
  return chosen.map(({ versionId }) => ({ kind: 'wrongMetadata', key: listed?.key ?? '', versionId, isYoung: false }))
}

function split<T>(items: T[], isFirst: (item: T) => boolean): [T[], T[]] {
  const { true: first = [], false: second = [] } = Object.groupBy(items, item => (isFirst(item) ? 'true' : 'false'))
  return [first, second]
}

/** Lets callers go on at most so many times a second, one after the other. */
function pace(perSecond: number, onTurn: () => void): () => Promise<void> {
  let next = 0
  return async () => {
    onTurn()
    const now = performance.now()
    const at = Math.max(now, next)
    next = at + 1000 / perSecond
    // Timers are no finer than a millisecond or two; what is due sooner goes at once.
    if (at - now > 2) await sleep(at - now)
  }
}
