import { DeleteBucketCommand, PutObjectCommand, PutObjectTaggingCommand } from '@aws-sdk/client-s3'
import { afterEach, describe, expect, vi } from 'vitest'
import { deadLetterQueue } from '../../functions/queue/dead-letter.ts'
import { indexer } from '../../functions/queue/index-batch.ts'
import { startEventSource } from '../../local/sqs/event-source.ts'
import type { Sql } from '../../shared/database/connection.ts'
import { fromStoredKey } from '../../shared/database/stored-text.ts'
import { deleteVersions } from '../../shared/s3/delete-versions.ts'
import { bodyOf, type IndexerStage, recordOf, startStage } from '../support/indexer-stage.ts'
import { databaseTest as test } from '../support/postgres/database.ts'
import { makeBucket, objectsInCatalog, testS3, versionsInCatalog } from '../support/s3/bucket.ts'
import { sqsEvent } from '../support/sqs.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a record that can never be indexed', () => {
  test('goes to the dead-letter queue alone, with its reason and message; the rest of its message is committed', async ({
    sql,
  }) => {
    await using stage = await startStage(sql)
    const [first, second] = [recordOf(await stage.put('a')), recordOf(await stage.put('b'))]
    const bad = { ...first, eventVersion: '3.0' }
    expect(await stage.index([bodyOf(first, bad, second)])).toEqual({ batchItemFailures: [] })
    expect(await stage.keys()).toEqual(['a', 'b'])
    const reason = 'Invalid: Event version 3.0 is not supported, only 2.x'
    expect(stage.dead()).toEqual([{ body: { Records: [bad] }, reason, messageId: '0' }])
  })

  test('as an unknown message is sent unchanged', async ({ sql }) => {
    await using stage = await startStage(sql)
    expect(await stage.index(['{"hello":1}', await stage.put('a'), '"no record"'])).toEqual({ batchItemFailures: [] })
    expect(await stage.keys()).toEqual(['a'])
    const reason = 'Invalid: Neither an S3 notification nor an EventBridge event of S3'
    expect(stage.dead()).toEqual([
      { body: { hello: 1 }, reason, messageId: '0' },
      { body: 'no record', reason: 'Invalid: The message is not a JSON object', messageId: '2' },
    ])
  })

  test('because Postgres refuses it goes alone, wherever in the batch it is', async ({ sql }) => {
    await using stage = await startStage(sql)
    const bodies: string[] = []
    for (let n = 0; n < 9; n++) bodies.push(await stage.put(`k${n}`))
    // No partition of the audit trail is that far ahead.
    const bad = recordOf(await stage.put('bad'), { eventTime: '2999-01-01T00:00:00.000Z' })
    const reason = 'PostgresError: no partition of relation "storage_audit" found for row'
    for (const place of [0, 4, 9]) {
      await sql`truncate catalog.storage_objects, catalog.storage_versions`
      expect(await stage.index(bodies.toSpliced(place, 0, bodyOf(bad)))).toEqual({ batchItemFailures: [] })
      expect(await stage.keys()).toEqual(bodies.map((_, n) => `k${n}`))
      expect(stage.dead()).toEqual([{ body: { Records: [bad] }, reason, messageId: String(place) }])
      stage.server.deadLetters.purge()
    }
  })

  test('because S3 refuses it for good goes with the error of S3', async ({ sql }) => {
    await using stage = await startStage(sql)
    const record = recordOf(await stage.put('a'))
    const bad = { ...record, s3: { ...record.s3, object: { ...record.s3.object, versionId: 'no version id' } } }
    expect(await stage.index([bodyOf(record, bad)])).toEqual({ batchItemFailures: [] })
    expect(await stage.keys()).toEqual(['a'])
    expect(stage.dead()).toEqual([
      {
        body: { Records: [bad] },
        reason: expect.stringMatching(/^Invalid: .*S3 returned 400 for a HEAD of the version$/),
        messageId: '0',
      },
    ])
  })

  test('fails its message when there is no dead-letter queue, so that SQS moves it; the rest is committed', async ({ sql }) => {
    await using stage = await startStage(sql)
    const log = vi.spyOn(console, 'error').mockReturnValue()
    const handler = indexer({ sql, s3: stage.s3, sendDeadLetter: deadLetterQueue(undefined), maxReceives: 5 })
    const answer = await handler(sqsEvent([await stage.put('a'), '{"hello":1}'], 9))
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: '1' }] })
    expect(await stage.keys()).toEqual(['a'])
    expect(JSON.parse(String(log.mock.calls[0]?.[0]))).toMatchObject({ example: { messageId: '1', receives: '9' } })
  })

  test('has a long reason cut between characters, not in one', async ({ sql }) => {
    await using stage = await startStage(sql)
    await stage.index([bodyOf(recordOf(await stage.put('a'), { eventName: '😀'.repeat(1000) }))])
    const [letter] = stage.dead()
    expect(letter?.reason).toMatch(/^Invalid: Event 😀+\ufffd?$/u)
    expect(letter?.reason?.isWellFormed()).toBe(true)
    expect(letter?.reason).toHaveLength(1000)
  })
})

describe('what Postgres cannot hold', () => {
  test('ends in its defined form: keys exact, other text visible', async ({ sql }) => {
    await using stage = await startStage(sql)
    const key = 'a\0b\x01c\x02'
    const body = await stage.put(key, { title: '=?UTF-8?B?YQBi?=' })
    const dirty = { userIdentity: { principalId: 'AWS:a\0b' }, requestParameters: { sourceIPAddress: '\ud800' } }
    expect(await stage.index([bodyOf(recordOf(body, dirty))])).toEqual({ batchItemFailures: [] })
    expect(await objectsInCatalog(sql, 'docs')).toMatchObject([{ key, metadata: { title: 'a␀b' } }])
    const [entry] = await sql`select key, user_id, ip_address from catalog.storage_audit`
    expect({ ...entry, key: fromStoredKey(entry?.key) }).toEqual({ key, user_id: 'AWS:a␀b', ip_address: '\ufffd' })
    expect(stage.dead()).toEqual([])
  })

  test('as a key of EventBridge with a lone surrogate is indexed with U+FFFD in its place', async ({ sql }) => {
    await using stage = await startStage(sql, { transport: 'eventbridge' })
    const event = JSON.parse(await stage.put('a'))
    event.detail.object.key = 'a\ud800'
    expect(await stage.index([JSON.stringify(event)])).toEqual({ batchItemFailures: [] })
    expect(await stage.keys()).toEqual(['a\ufffd'])
    expect(stage.dead()).toEqual([])
  })

  test.for([
    ['U+0000', '\0'.repeat(1024)],
    ['U+0001', '\x01'.repeat(1024)],
    [
      'four-byte characters',
      Array.from({ length: 256 }, (_, n) => String.fromCodePoint(0x20000 + ((n * 7919) % 0xa000))).join(''),
    ],
    ['one word', 'Aa1'.repeat(341)],
    ['slashes', '/'.repeat(1024)],
  ] as const)('a key of up to 1,024 bytes of %s is indexed', async ([_, key], { sql }) => {
    await using stage = await startStage(sql)
    expect(await stage.index([await stage.put(key)])).toEqual({ batchItemFailures: [] })
    expect(await stage.keys()).toEqual([key])
    expect(stage.dead()).toEqual([])
  })
})

test('a record that conflicts with another writer was dead-lettered at once; it fails its message, and is indexed later', async ({
  sql,
}) => {
  await using stage = await startStage(sql)
  vi.spyOn(console, 'error').mockReturnValue()
  await stage.index([await stage.put('a')])
  const body = await stage.put('b')
  // In place of a writer that is always faster.
  await sql`create unique index one_object on catalog.storage_objects (bucket)`
  expect(await stage.index([body])).toEqual({ batchItemFailures: [{ itemIdentifier: '0' }] })
  expect(stage.dead()).toEqual([])
  await sql`drop index catalog.one_object`
  expect(await stage.index([body])).toEqual({ batchItemFailures: [] })
  expect(await stage.keys()).toEqual(['a', 'b'])
})

describe('a bucket that was deleted before its events were indexed', () => {
  test.for(['Enabled', 'never'] as const)(
    'left its versions in the catalog and made its events dead letters (versioning %s)',
    async (versioning, { sql }) => {
      await using bucket = await testS3()
      await makeBucket(bucket.s3, 'gone', versioning)
      for (const Key of ['a', 'b']) await bucket.s3.send(new PutObjectCommand({ Bucket: 'gone', Key, Body: 'x' }))
      await bucket.s3.send(
        new PutObjectTaggingCommand({ Bucket: 'gone', Key: 'a', Tagging: { TagSet: [{ Key: 'state', Value: 'draft' }] } }),
      )
      await deleteVersions(bucket.s3, { bucket: 'gone' })
      await bucket.s3.send(new DeleteBucketCommand({ Bucket: 'gone' }))
      const log = vi.fn()
      const sendDeadLetter = vi.fn(async () => true)
      const handler = indexer({ sql, s3: bucket.s3, sendDeadLetter, maxReceives: 1, log })
      for (const bodies of [bucket.events, bucket.events.toReversed()])
        expect(await handler(sqsEvent(bodies, 1))).toEqual({ batchItemFailures: [] })
      expect({ dead: sendDeadLetter.mock.calls, log: log.mock.calls }).toEqual({ dead: [], log: [] })
      expect(await versionsInCatalog(sql, 'gone')).toEqual([])
      expect(await sql`select count(*) > 4 as "isAudited" from catalog.storage_audit where bucket = 'gone'`).toEqual([
        { isAudited: true },
      ])
    },
  )

  test('is not taken for one that may not be read', async ({ sql }) => {
    let isDenied = false
    await using stage = await startStage(sql, { fault: () => (isDenied ? { error: 'AccessDenied' } : undefined) })
    vi.spyOn(console, 'error').mockReturnValue()
    const [a, b] = [await stage.put('a'), await stage.put('b')]
    await stage.index([a])
    isDenied = true
    expect(await stage.index([a, b])).toEqual({ batchItemFailures: [{ itemIdentifier: '0' }, { itemIdentifier: '1' }] })
    expect(await stage.keys()).toEqual(['a'])
  })
})

test('each event that failed logged a stack trace; a batch logs one line for each reason, with its count', async ({ sql }) => {
  await using stage = await startStage(sql, {
    fault: ({ method, key }) =>
      method !== 'HEAD' ? undefined : { error: key?.startsWith('slow') ? 'SlowDown' : 'AccessDenied' },
  })
  const log = vi.spyOn(console, 'error').mockReturnValue()
  const bodies = []
  for (const key of ['slow 1', 'slow 2', 'denied', 'slow 3']) bodies.push(await stage.put(key))
  await stage.index(bodies, 2)
  const entry = { level: 'error', message: 'not indexed yet' }
  const example = (messageId: string, key: string) => ({ messageId, receives: '2', bucket: 'docs', key })
  expect(log.mock.calls.map(([line]) => JSON.parse(String(line)))).toEqual([
    { ...entry, error: expect.stringContaining('S3 returned 503'), records: 3, example: example('0', 'slow 1') },
    { ...entry, error: expect.stringContaining('S3 returned 403'), records: 1, example: example('2', 'denied') },
  ])
})

describe('S3 failing', () => {
  test('with 503 fails the message of that key alone, and after the last delivery it is dead with the reason', async ({
    sql,
  }) => {
    await using stage = await startStage(sql, {
      fault: ({ method, key }) => (method === 'HEAD' && key === 'slow' ? { error: 'SlowDown' } : undefined),
    })
    vi.spyOn(console, 'error').mockReturnValue()
    const slow = await stage.put('slow')
    const bodies = [await stage.put('a'), slow, await stage.put('b')]
    for (let receives = 1; receives < 5; receives++) {
      expect(await stage.index(bodies, receives)).toEqual({ batchItemFailures: [{ itemIdentifier: '1' }] })
      expect(await stage.keys()).toEqual(['a', 'b'])
      expect(stage.dead()).toEqual([])
    }
    expect(await stage.index(bodies, 5)).toEqual({ batchItemFailures: [] })
    expect(stage.dead()).toEqual([
      { body: JSON.parse(slow), reason: expect.stringMatching(/S3 returned 503 for a HEAD of the version$/), messageId: '1' },
    ])
  })

  test('for a while only delays: the message comes again and is indexed', async ({ sql }) => {
    let failures = 3
    const fault = ({ method }: { method: string }) =>
      method === 'HEAD' && failures-- > 0 ? { error: 'InternalError' as const } : undefined
    await using stage = await startStage(sql, { fault })
    await stage.put('a')
    await drain(sql, stage)
    expect(await stage.keys()).toEqual(['a'])
    expect(stage.dead()).toEqual([])
  })

  test('for ever ends in the dead-letter queue, once', async ({ sql }) => {
    await using stage = await startStage(sql, {
      fault: ({ method }) => (method === 'HEAD' ? { error: 'SlowDown' } : undefined),
    })
    const body = await stage.put('a')
    await drain(sql, stage)
    expect(await stage.keys()).toEqual([])
    const reason = expect.stringMatching(/S3 returned 503 for a HEAD of the version$/)
    expect(stage.dead()).toEqual([{ body: JSON.parse(body), reason, messageId: expect.any(String) }])
  })
})

/** Feeds the queue to the indexer until it is empty; what fails comes again at once. */
async function drain(sql: Sql, { s3, server, sendDeadLetter }: IndexerStage): Promise<void> {
  vi.spyOn(console, 'error').mockReturnValue()
  const handler = indexer({ sql, s3, sendDeadLetter, maxReceives: 5 })
  const source = startEventSource({ queue: server.events, handler, windowMs: 0, backoffSeconds: () => 0 })
  await source.drained()
  await source.close()
}
