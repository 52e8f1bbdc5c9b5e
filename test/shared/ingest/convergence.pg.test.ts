import type { S3Client } from '@aws-sdk/client-s3'
import { describe, expect } from 'vitest'
import { reconciler } from '../../../functions/jobs/reconcile.ts'
import { indexer } from '../../../functions/queue/index-batch.ts'
import { stages } from '../../../infra/stages.ts'
import type { S3Options } from '../../../local/s3/server.ts'
import { driftOf, type ReconcileRun } from '../../../shared/catalog/reconcile-runs.ts'
import type { Sql } from '../../../shared/database/connection.ts'
import { refreshPeriod } from '../../../shared/refresh-period.ts'
import { bucketExists } from '../../../shared/s3/bucket-exists.ts'
import { skippingClock } from '../../support/clock.ts'
import { passDays } from '../../support/pass-days.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'
import { fc, randomNumbersFrom } from '../../support/random.ts'
import {
  currentOf,
  makeBucket,
  objectsInCatalog,
  type TestS3,
  testClient,
  testS3,
  versionsInBucket,
  versionsInCatalog,
} from '../../support/s3/bucket.ts'
import { histories, type Operation, perform, type Stage, setStage } from '../../support/s3/history.ts'
import { IMPLEMENTATIONS, type Implementation } from '../../support/s3/implementations.ts'
import { asImplementation } from '../../support/s3/other-s3.ts'
import { sqsEvent } from '../../support/sqs.ts'

/** How many random histories each form of the events is tried with. CI tries 200. */
const HISTORIES = Number(process.env.CATALOG_HISTORIES ?? 5)

/** What is deployed in production. */
const PROD = stages.prod

const FORMS: Pick<S3Options, 'sequencer' | 'transport'>[] = [
  { sequencer: 'aws', transport: 'notification' },
  { sequencer: 'aws', transport: 'eventbridge' },
  { sequencer: 'constant', transport: 'notification' },
  { sequencer: 'ceph', transport: 'notification' },
  { sequencer: 'none', transport: 'notification' },
]

describe.each(FORMS)('events as $transport with sequencers of the form $sequencer', form => {
  test('every history, delivered in any order and repeatedly, ends with what the bucket holds', { timeout: 3_600_000 }, async ({
    sql,
  }) => {
    await using bucket = await testS3(form)
    const property = fc.asyncProperty(histories, fc.nat(), async (history, seed) => {
      bucket.events.length = 0
      const stage = await setStage(bucket)
      for (const operation of history) {
        if (operation.do === 'deliver') await deliver(sql, stage, operation.seed, 0.5)
        else await perform(stage, operation)
      }
      await deliver(sql, stage, seed, 1)
      await expectTruth(sql, stage)
    })
    await fc.assert(property, { numRuns: HISTORIES, endOnFailure: false, interruptAfterTimeLimit: 3_500_000 })
  })

  test('late responses of S3 do not undo newer ones while the bucket changes', { timeout: 3_600_000 }, async ({ sql }) => {
    await using bucket = await testS3(form)
    const late = lateAnswers(bucket)
    const property = fc.asyncProperty(histories, fc.nat(), async (history, seed) => {
      bucket.events.length = 0
      const stage = await setStage(bucket)
      late.begin(seed)
      const deliveries: Promise<void>[] = []
      for (const operation of history) {
        if (operation.do === 'deliver') continue
        const before = bucket.events.length
        await perform(stage, operation)
        late.next()
        const events = bucket.events.slice(before)
        deliveries.push(...events.map(event => index(sql, late.s3, [event])))
      }
      late.end()
      await Promise.all(deliveries)
      await expectTruth(sql, stage)
    })
    await fc.assert(property, { numRuns: HISTORIES, endOnFailure: false, interruptAfterTimeLimit: 3_500_000 })
  })
})

/** What an implementation has no event for. Where one is missing, the next reconcile that asks about the version finds the change. */
const WITHOUT_EVENT: Record<Implementation, Operation['do'][]> = {
  ceph: ['tag', 'untag', 'restore', 'transition', 'expire', 'expireVersion'],
  minio: [],
  moto: ['tag', 'untag', 'transition', 'expire', 'expireVersion', 'restore'],
}

describe.each(IMPLEMENTATIONS)('the answers and events of %s', implementation => {
  test('every history, delivered in any order and repeatedly, ends with what the bucket holds', { timeout: 3_600_000 }, async ({
    sql,
  }) => {
    await using aws = await testS3()
    await using other = await asImplementation(aws, implementation)
    const property = fc.asyncProperty(histories, fc.nat(), async (history, seed) => {
      aws.events.length = 0
      const stage = await setStage(aws)
      for (const operation of history) {
        if (operation.do === 'deliver') await deliver(sql, { ...stage, bucket: other }, operation.seed, 0.5)
        else if (!WITHOUT_EVENT[implementation].includes(operation.do)) await perform(stage, operation)
      }
      await deliver(sql, { ...stage, bucket: other }, seed, 1)
      await expectTruth(sql, stage)
    })
    await fc.assert(property, { numRuns: Math.ceil(HISTORIES / 2), endOnFailure: false, interruptAfterTimeLimit: 3_500_000 })
  })

  test('after any loss, and the days of the stage, one reconcile makes the index equal again, and a second finds nothing', {
    timeout: 3_600_000,
  }, async ({ sql }) => {
    await using aws = await testS3()
    await using other = await asImplementation(aws, implementation)
    // Once the tags of a version are deleted, a listing of Ceph has another time than HEAD for ever.
    await expectHealed(sql, aws, other, { mayDisagree: implementation === 'ceph' })
  })
})

test('after any loss, and the days of the stage, one reconcile makes the index equal again, and a second finds nothing', {
  timeout: 3_600_000,
}, async ({ sql }) => {
  await using bucket = await testS3()
  await expectHealed(sql, bucket, bucket)
})

/**
 * Histories of `aws` that the catalog follows through `seen`, with the settings that are deployed. It has all events up to a moment; of those
 * after it some are lost, and nothing else tells that their versions have changed. `mayDisagree`: listings and HEAD of `seen` may differ.
 */
async function expectHealed(sql: Sql, aws: TestS3, seen: TestS3, { mayDisagree = false } = {}): Promise<void> {
  await makeBucket(aws.s3, HOME, 'Enabled')
  const shares = fc.constantFrom(0, 0.3, 0.8)
  const property = fc.asyncProperty(histories, fc.nat(), shares, fc.nat({ max: 24 }), async (history, seed, share, moment) => {
    aws.events.length = 0
    const stage = await setStage(aws)
    const followed = { ...stage, bucket: seen }
    let known = 0
    for (const [n, operation] of history.entries()) {
      if (n === moment) {
        await deliver(sql, followed, seed, 1)
        known = seen.events.length
      }
      if (operation.do === 'deliver') await deliver(sql, followed, operation.seed, share, known)
      else await perform(stage, operation)
    }
    await deliver(sql, followed, seed, share, known)
    await passDays(sql, PROD.refreshDays, stage.names)
    await reconcileAll(sql, followed)
    await expectTruth(sql, stage)
    for (const { findings } of await reconcileAll(sql, followed)) {
      expect(driftOf(findings)).toBe(0)
      expect(findings.refreshed).toBe(0)
      if (!mayDisagree) expect(findings.disagreeing).toBe(0)
    }
    // What was lost may still come.
    await deliver(sql, followed, seed, 1)
    await expectTruth(sql, stage)
  })
  await fc.assert(property, { numRuns: HISTORIES, endOnFailure: false, interruptAfterTimeLimit: 3_500_000 })
}

/** The bucket of the installation; those of the histories are others. */
const HOME = 'home'

/** Runs of the schedule about the buckets of a history that exist, or that the catalog knows. The grace period passes at once. */
async function reconcileAll(sql: Sql, { bucket: { s3 }, names }: Stage): Promise<ReconcileRun[]> {
  const refreshHours = refreshPeriod({ days: PROD.refreshDays, hoursBetweenRuns: PROD.schedules.reconciler.hours })
  const settings = { sql, s3, bucket: HOME, refreshHours, clock: skippingClock(), log: () => undefined }
  const work = reconciler(settings)
  const runs: ReconcileRun[] = []
  for (const bucket of names) {
    if (!(await bucketExists(s3, bucket)) && (await versionsInCatalog(sql, bucket)).length === 0) continue
    const { done, run } = await work({ bucket }, { getRemainingTimeInMillis: () => Number.POSITIVE_INFINITY })
    expect({ done, run }).toMatchObject({ done: true, run: { state: 'finished' } })
    runs.push(run)
  }
  return runs
}

/** Delivers a share of the events so far, without the first ones, in an order of its own, one in three of them twice, in batches, to two indexers at once. */
async function deliver(sql: Sql, { bucket }: Stage, seed: number, share: number, after = 0): Promise<void> {
  const random = randomNumbersFrom(seed)
  const chosen = bucket.events.slice(after).filter(() => random() < share || share === 1)
  const repeated = chosen.filter(() => random() < 1 / 3)
  const queue = [...chosen, ...repeated].map(body => ({ body, at: random() })).sort((a, b) => a.at - b.at)
  const work = async () => {
    while (queue.length > 0) {
      const batch = queue.splice(0, 1 + Math.floor(random() * 5))
      await index(
        sql,
        bucket.s3,
        batch.map(({ body }) => body),
      )
    }
  }
  await Promise.all([work(), work()])
}

async function index(sql: Sql, s3: S3Client, bodies: string[]): Promise<void> {
  const handler = indexer({ sql, s3, sendDeadLetter: async () => false, maxReceives: 5 })
  expect(await handler(sqsEvent(bodies))).toEqual({ batchItemFailures: [] })
}

/** Each answer to this client is held until up to four more operations have been carried out, so that it is old when it is written. */
function lateAnswers({ server }: TestS3) {
  const s3 = testClient(server.url)
  let random: (() => number) | undefined
  let held: { operations: number; release: () => void }[] = []
  s3.middlewareStack.add(
    next => async args => {
      const answer = await next(args)
      const operations = random ? Math.floor(random() * 5) : 0
      if (operations > 0) await new Promise<void>(release => held.push({ operations, release }))
      return answer
    },
    { step: 'initialize' },
  )
  const releaseWhere = (isDue: (operations: number) => boolean) => {
    for (const { operations, release } of held) if (isDue(operations)) release()
    held = held.filter(({ operations }) => !isDue(operations))
  }
  return {
    s3,
    /** Holds answers from now on. */
    begin(seed: number) {
      random = randomNumbersFrom(seed)
    },
    /** An operation was carried out. */
    next() {
      for (const one of held) one.operations--
      releaseWhere(operations => operations <= 0)
    },
    /** Releases all answers and holds none of those to come. */
    end() {
      random = undefined
      releaseWhere(() => true)
    },
  }
}

async function expectTruth(sql: Sql, { bucket, names }: Stage): Promise<void> {
  for (const name of names) {
    const truth = (await bucketExists(bucket.s3, name)) ? await versionsInBucket(bucket.s3, name) : []
    expect(await versionsInCatalog(sql, name)).toEqual(truth)
    expect(await objectsInCatalog(sql, name)).toEqual(currentOf(truth))
  }
}
