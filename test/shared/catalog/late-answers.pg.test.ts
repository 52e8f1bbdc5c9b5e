import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { describe, expect } from 'vitest'
import { applyObservations, type Observation } from '../../../shared/catalog/observations.ts'
import type { Sql } from '../../../shared/database/connection.ts'
import { databaseTime } from '../../../shared/database/time.ts'
import { parseRecord, recordsOf } from '../../../shared/ingest/events.ts'
import { ingest } from '../../../shared/ingest/ingest.ts'
import { databaseTest as test } from '../../support/postgres/database.ts'
import { makeBucket, type TestS3, testClient, testS3, versionsInBucket, versionsInCatalog } from '../../support/s3/bucket.ts'

test('a late response about a deletion does not hide an object that was written again', async ({ sql }) => {
  await using bucket = await testS3()
  await makeBucket(bucket.s3, 'plain', 'never')
  const name = { Bucket: 'plain', Key: 'a' }
  await bucket.s3.send(new PutObjectCommand({ ...name, Body: 'first' }))
  await ingest(sql, bucket.s3, eventsOf(bucket))

  await bucket.s3.send(new DeleteObjectCommand(name))
  const held = holdAnswers(bucket)
  const late = ingest(sql, held.s3, eventsOf(bucket))
  await held.answered

  await bucket.s3.send(new PutObjectCommand({ ...name, Body: 'second' }))
  await ingest(sql, bucket.s3, eventsOf(bucket))
  held.release()
  expect(await late).toEqual([])

  const truth = await versionsInBucket(bucket.s3, 'plain')
  expect(truth).toMatchObject([{ key: 'a', size: 6, isLatest: true }])
  expect(await versionsInCatalog(sql, 'plain')).toEqual(truth)
})

describe('a confirmation that is older than what is known', () => {
  test('leaves the key undecided when it disagrees', async ({ sql }) => {
    const [first, second, third] = await threeTimes(sql)
    await applyObservations(sql, first, { observed: [claimOf('v1')] })
    await applyObservations(sql, third, { observed: [claimOf('v1')] })
    const undecided = await applyObservations(sql, second, {
      observed: [{ ...claimOf('v2'), claimsLatest: false }],
      confirmedLatest: [{ ...KEY, versionId: 'v2' }],
    })
    expect(undecided).toEqual([KEY])
    expect(await latestOf(sql)).toBe('v1')
  })

  test('leaves the key undecided when it found no version', async ({ sql }) => {
    const [first, second, third] = await threeTimes(sql)
    await applyObservations(sql, first, { observed: [claimOf('null')] })
    await applyObservations(sql, third, { observed: [claimOf('null')] })
    const undecided = await applyObservations(sql, second, {
      observed: [{ ...KEY, versionId: 'null', state: 'gone', isVerified: true, claimsLatest: false, sequencer: '' }],
      confirmedLatest: [{ ...KEY, versionId: null }],
    })
    expect(undecided).toEqual([KEY])
    expect(await latestOf(sql)).toBe('null')
  })

  test('settles the key when it agrees', async ({ sql }) => {
    const [first, second, third] = await threeTimes(sql)
    await applyObservations(sql, first, { observed: [claimOf('v1')] })
    await applyObservations(sql, third, { observed: [claimOf('v1')] })
    expect(await applyObservations(sql, second, { confirmedLatest: [{ ...KEY, versionId: 'v1' }] })).toEqual([])
    expect(await latestOf(sql)).toBe('v1')
  })
})

test('a repeated event of a version makes earlier confirmations of its key outdated, even if the version was observed later', async ({
  sql,
}) => {
  const [first, second, third] = await threeTimes(sql)
  const fourth = await databaseTime(sql)
  await applyObservations(sql, first, { observed: [claimOf('null')] })
  await applyObservations(sql, fourth, { observed: [{ ...claimOf('null'), claimsLatest: false }] })
  await applyObservations(sql, third, { observed: [claimOf('null')] })
  expect(await applyObservations(sql, second, { confirmedLatest: [{ ...KEY, versionId: null }] })).toEqual([KEY])
  expect(await latestOf(sql)).toBe('null')
})

test('an observed version of a key without a latest version leaves the key undecided', async ({ sql }) => {
  const [first, second, third] = await threeTimes(sql)
  await applyObservations(sql, first, { observed: [claimOf('null')] })
  await applyObservations(sql, second, { observed: [{ ...claimOf('null'), state: 'gone', claimsLatest: false }] })
  const undecided = await applyObservations(sql, third, { observed: [{ ...claimOf('null'), claimsLatest: false }] })
  expect(undecided).toEqual([KEY])
})

test('an authoritative write is stamped when it gets the lock, not when it starts to wait', async ({ sql, database }) => {
  await applyObservations(sql, null, { observed: [claimOf('v1')] })
  let written: Promise<unknown> | undefined
  await sql.begin(async holder => {
    await holder`select catalog.lock_keys(array[${KEY.bucket}], array[${KEY.key}])`
    written = applyObservations(sql, null, { confirmedLatest: [{ ...KEY, versionId: null }] })
    await waitForLock(sql, database.url)
    await applyObservations(holder, await databaseTime(holder), { observed: [claimOf('v1')] })
  })
  expect(await written).toEqual([])
  expect(await latestOf(sql)).toBeUndefined()
})

const KEY = { bucket: 'b', key: 'k' }

/** As the event of its creation shows a version; without a sequencer. */
function claimOf(versionId: string): Observation {
  return {
    ...KEY,
    versionId,
    state: 'present',
    isVerified: true,
    claimsLatest: true,
    size: 1,
    lastModified: new Date(),
    sequencer: '',
  }
}

async function threeTimes(sql: Sql): Promise<[string, string, string]> {
  return [await databaseTime(sql), await databaseTime(sql), await databaseTime(sql)]
}

async function latestOf(sql: Sql): Promise<string | undefined> {
  const [row] = await sql<{ versionId: string }[]>`
    select version_id as "versionId" from catalog.storage_versions where bucket = ${KEY.bucket} and key = ${KEY.key} and is_latest
  `
  return row?.versionId
}

async function waitForLock(sql: Sql, url: string): Promise<void> {
  const database = new URL(url).pathname.slice(1)
  for (;;) {
    const [row] = await sql`select from pg_stat_activity where datname = ${database} and wait_event_type = 'Lock'`
    if (row) return
  }
}

/** The events since the last time, which are then no longer there. */
function eventsOf({ events }: TestS3) {
  return events.splice(0).flatMap(body => recordsOf(body).map(parseRecord))
}

/** A client whose answers are kept until they are released; `answered` is when S3 has returned the state of the version. */
function holdAnswers({ server }: TestS3) {
  const s3 = testClient(server.url)
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const { promise: answered, resolve: received } = Promise.withResolvers<void>()
  s3.middlewareStack.add(
    (next, context) => async args => {
      // A HEAD of what is deleted is an error.
      try {
        return await next(args)
      } finally {
        if (context.commandName === 'HeadObjectCommand') {
          received()
          await released
        }
      }
    },
    { step: 'initialize' },
  )
  return { s3, answered, release }
}
