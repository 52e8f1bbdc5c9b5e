import { createHash } from 'node:crypto'
import type { SQSEvent } from 'aws-lambda'
import { describe, expect, test } from 'vitest'
import { openDatabase } from '../../../local/sqlite.ts'
import { type BatchHandler, startEventSource } from '../../../local/sqs/event-source.ts'
import { openQueue, type Queue } from '../../../local/sqs/queue.ts'

function openQueues(): { queue: Queue; dead: Queue } {
  const db = openDatabase(':memory:')
  return { dead: openQueue(db, 'dead'), queue: openQueue(db, 'queue', { deadLetterQueue: 'dead' }) }
}

const none = { visible: 0, inFlight: 0, delayed: 0 }
const immediately = { windowMs: 1, backoffSeconds: () => 0 }
const bodies = (event: SQSEvent) => event.Records.map(record => record.body)

describe('an event source', () => {
  test('calls the function with the event of Lambda', async () => {
    const { queue } = openQueues()
    const events: SQSEvent[] = []
    const source = startEventSource({
      queue,
      handler: async (event, context) => {
        events.push(event)
        expect([context.functionName, context.getRemainingTimeInMillis() > 0]).toEqual(['indexer', true])
        return { batchItemFailures: [] }
      },
    })
    const messageId = queue.send('ü', { name: 'value' })
    await source.drained()
    await source.close()
    expect(events).toEqual([
      {
        Records: [
          {
            messageId,
            receiptHandle: expect.any(String),
            body: 'ü',
            attributes: {
              ApproximateReceiveCount: '1',
              SentTimestamp: expect.stringMatching(/^\d{13}$/),
              SenderId: expect.any(String),
              ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
            },
            messageAttributes: { name: { stringValue: 'value', stringListValues: [], binaryListValues: [], dataType: 'String' } },
            md5OfBody: createHash('md5').update('ü').digest('hex'),
            eventSource: 'aws:sqs',
            eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:queue',
            awsRegion: 'us-east-1',
          },
        ],
      },
    ])
  })

  test('gathers messages to batches of the maximum size', async () => {
    const { queue } = openQueues()
    for (let index = 0; index < 250; index++) queue.send(`${index}`)
    const sizes: number[] = []
    const handler: BatchHandler = async event => {
      sizes.push(event.Records.length)
      return undefined
    }
    const source = startEventSource({ queue, batchSize: 100, handler })
    await source.drained()
    await source.close()
    expect(sizes).toEqual([100, 100, 50])
  })

  test('redelivers failed messages only, until they are dead letters', async () => {
    const { queue, dead } = openQueues()
    const seen: string[][] = []
    const handler: BatchHandler = async event => {
      seen.push(bodies(event))
      const failed = event.Records.filter(record => record.body === 'poison')
      return { batchItemFailures: failed.map(record => ({ itemIdentifier: record.messageId })) }
    }
    for (const body of ['fine', 'poison', 'fine, too']) queue.send(body)
    const source = startEventSource({ queue, handler, ...immediately })
    await source.drained()
    await source.close()
    expect(seen).toEqual([['fine', 'poison', 'fine, too'], ...Array.from({ length: 4 }, () => ['poison'])])
    expect([queue.counts(), dead.messages().map(message => message.body)]).toEqual([none, ['poison']])
  })

  test('redelivers the whole batch after a thrown error or an unknown failure id', async () => {
    const { queue } = openQueues()
    const errors: unknown[] = []
    const seen: string[][] = []
    const source = startEventSource({
      queue,
      ...immediately,
      onError: error => void errors.push(error),
      handler: async event => {
        seen.push(bodies(event))
        if (seen.length === 1) throw new Error('down')
        return { batchItemFailures: seen.length === 2 ? [{ itemIdentifier: 'nobody' }] : [] }
      },
    })
    for (const body of ['one', 'two']) queue.send(body)
    await source.drained()
    await source.close()
    expect(seen).toEqual(Array.from({ length: 3 }, () => ['one', 'two']))
    expect(errors).toEqual([new Error('down')])
  })

  test('runs up to `concurrency` batches at once', async () => {
    const { queue } = openQueues()
    let running = 0
    let most = 0
    const three = Promise.withResolvers<void>()
    const handler: BatchHandler = async () => {
      most = Math.max(most, ++running)
      if (running === 3) three.resolve()
      await three.promise
      running--
      return undefined
    }
    for (let index = 0; index < 12; index++) queue.send(`${index}`)
    const source = startEventSource({ queue, handler, batchSize: 1, concurrency: 3 })
    await source.drained()
    await source.close()
    expect(most).toBe(3)
  })

  test('is woken by a message and does not wait for its next poll', async () => {
    const { queue } = openQueues()
    const arrived = Promise.withResolvers<void>()
    const source = startEventSource({
      queue,
      windowMs: 0,
      handler: async () => {
        arrived.resolve()
        return undefined
      },
    })
    // The queue is empty, so the source waits for 20 s, longer than this test may take.
    await new Promise(setImmediate)
    queue.send('x')
    await arrived.promise
    await source.close()
  })

  test('finishes the running batch when it is closed, and leaves the other messages', async () => {
    const { queue } = openQueues()
    const started = Promise.withResolvers<void>()
    const finish = Promise.withResolvers<void>()
    const source = startEventSource({
      queue,
      batchSize: 1,
      handler: async () => {
        started.resolve()
        await finish.promise
        return undefined
      },
    })
    for (const body of ['one', 'two']) queue.send(body)
    await started.promise
    const closed = source.close()
    finish.resolve()
    await closed
    expect(queue.messages().map(message => message.body)).toEqual(['two'])
  })
})
