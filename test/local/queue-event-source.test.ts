import { createHash } from 'node:crypto'
import type { SQSEvent } from 'aws-lambda'
import { describe, expect, test } from 'vitest'
import { openDatabase } from '../../local/sqlite.ts'
import { type BatchHandler, startEventSource } from '../../local/sqs/event-source.ts'
import { openQueue, type Queue } from '../../local/sqs/queue.ts'

function openQueues(): { queue: Queue; dead: Queue } {
  const db = openDatabase(':memory:')
  return { dead: openQueue(db, 'dead'), queue: openQueue(db, 'queue', { deadLetterQueue: 'dead' }) }
}

const none = { visible: 0, inFlight: 0, delayed: 0 }
const immediately = { windowMs: 1, backoffSeconds: () => 0 }
const bodies = (event: SQSEvent) => event.Records.map(record => record.body)

describe('an event source', () => {
  test('calls the function with the event that Lambda would give it', async () => {
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

  test('gathers messages to batches of the size allowed', async () => {
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

  test('brings back what failed, and only that, until it is a dead letter', async () => {
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

  test('takes a thrown error, or failures it can make no sense of, for the whole batch', async () => {
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

  test('runs as many batches at once as it may', async () => {
    const { queue } = openQueues()
    let running = 0
    let most = 0
    const handler: BatchHandler = async () => {
      most = Math.max(most, ++running)
      await new Promise(resolve => setTimeout(resolve, 20))
      running--
      return undefined
    }
    for (let index = 0; index < 12; index++) queue.send(`${index}`)
    const source = startEventSource({ queue, handler, batchSize: 1, concurrency: 3 })
    await source.drained()
    await source.close()
    expect(most).toBe(3)
  })

  test('is woken by a message at once', async () => {
    const { queue } = openQueues()
    const arrived = Promise.withResolvers<number>()
    const source = startEventSource({
      queue,
      windowMs: 0,
      handler: async () => {
        arrived.resolve(performance.now())
        return undefined
      },
    })
    await new Promise(resolve => setTimeout(resolve, 50))
    const sent = performance.now()
    queue.send('x')
    expect((await arrived.promise) - sent).toBeLessThan(40)
    await source.close()
  })

  test('finishes the running batch when it is closed, and leaves the rest', async () => {
    const { queue } = openQueues()
    const started = Promise.withResolvers<void>()
    const source = startEventSource({
      queue,
      batchSize: 1,
      handler: async () => {
        started.resolve()
        await new Promise(resolve => setTimeout(resolve, 30))
        return undefined
      },
    })
    for (const body of ['one', 'two']) queue.send(body)
    await started.promise
    await source.close()
    expect(queue.messages().map(message => message.body)).toEqual(['two'])
  })
})
