import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openDatabase, transaction } from '../../../local/sqlite.ts'
import { openQueue } from '../../../local/sqs/queue.ts'
import { temporaryFolder } from '../s3/endpoint.ts'

/** A queue with a dead-letter queue in memory, and a clock that only the test moves. */
function queueWithClock() {
  let now = 1_700_000_000_000
  const clock = () => now
  const db = openDatabase(':memory:')
  const dead = openQueue(db, 'dead', { clock })
  const queue = openQueue(db, 'queue', { clock, deadLetterQueue: 'dead', visibilitySeconds: 60, maxReceiveCount: 5 })
  const pass = (seconds: number) => {
    now += seconds * 1000
  }
  return { db, queue, dead, pass }
}

const none = { visible: 0, inFlight: 0, delayed: 0 }

describe('a queue', () => {
  test('delivers a message to one receiver, and again if it is not deleted in time', () => {
    const { queue, pass } = queueWithClock()
    const messageId = queue.send('body', { name: 'value' })
    const [first] = queue.receive(10)
    expect(first).toEqual({
      messageId,
      receiptHandle: expect.any(String),
      body: 'body',
      attributes: { name: { DataType: 'String', StringValue: 'value' } },
      sentAt: 1_700_000_000_000,
      firstReceivedAt: 1_700_000_000_000,
      receiveCount: 1,
    })
    expect([queue.receive(10), queue.counts()]).toEqual([[], { ...none, inFlight: 1 }])
    pass(60)
    const [second] = queue.receive(10)
    expect([second?.messageId, second?.receiveCount]).toEqual([messageId, 2])
    queue.delete(first?.receiptHandle ?? '')
    expect(queue.counts()).toEqual({ ...none, inFlight: 1 })
    queue.delete(second?.receiptHandle ?? '')
    expect(queue.counts()).toEqual(none)
  })

  test('moves a message that was received five times to the dead-letter queue, and back on demand', () => {
    const { queue, dead, pass } = queueWithClock()
    const messageId = queue.send('poison')
    queue.send('fine')
    for (let time = 1; time <= 5; time++) {
      const received = queue.receive(10)
      expect(received.find(message => message.messageId === messageId)?.receiveCount).toBe(time)
      queue.delete(received.filter(message => message.body === 'fine').map(message => message.receiptHandle))
      pass(60)
    }
    expect([queue.receive(10), queue.counts(), dead.counts()]).toEqual([[], none, { ...none, visible: 1 }])
    expect(dead.messages()).toMatchObject([{ messageId, body: 'poison', deadFrom: 'queue', receiveCount: 0, state: 'visible' }])
    expect([dead.redrive(), dead.counts(), queue.receive(1)[0]?.body]).toEqual([1, none, 'poison'])
  })

  test('fills a batch even if many messages before it become dead letters', () => {
    const { queue, dead, pass } = queueWithClock()
    for (let index = 0; index < 30; index++) queue.send(`poison ${index}`)
    for (let time = 1; time <= 5; time++) {
      queue.receive(30)
      pass(60)
    }
    for (let index = 0; index < 10; index++) queue.send(`fine ${index}`)
    expect(queue.receive(10).map(message => message.body)).toEqual(Array.from({ length: 10 }, (_, index) => `fine ${index}`))
    expect(dead.counts().visible).toBe(30)
  })

  test('delays and hides messages as requested', () => {
    const { queue, pass } = queueWithClock()
    queue.send('later', {}, 10)
    expect([queue.counts(), queue.untilVisible()]).toEqual([{ ...none, delayed: 1 }, 10_000])
    pass(10)
    const [message] = queue.receive(1, 5)
    expect([queue.changeVisibility(message?.receiptHandle ?? '', 1), queue.untilVisible()]).toEqual([true, 1000])
    pass(1)
    expect(queue.changeVisibility(message?.receiptHandle ?? '', 1)).toBe(false)
    expect(queue.receive(1)[0]?.receiveCount).toBe(2)
    queue.purge()
    expect([queue.counts(), queue.untilVisible()]).toEqual([none, undefined])
  })

  test('wakes its listeners after the transaction that sends, not before', async () => {
    const { db, queue } = queueWithClock()
    const seen: number[] = []
    const stop = queue.onMessage(() => void seen.push(queue.counts().visible))
    transaction(db, () => {
      queue.send('one')
      queue.send('two')
      expect(seen).toEqual([])
    })
    await Promise.resolve()
    expect(seen).toEqual([2, 2])
    stop()
    queue.send('three')
    await Promise.resolve()
    expect(seen).toEqual([2, 2])
  })

  test('keeps nothing of a transaction that fails', () => {
    const { db, queue } = queueWithClock()
    const failing = () =>
      transaction(db, () => {
        queue.send('never')
        throw new Error('no')
      })
    expect(failing).toThrow('no')
    expect(queue.counts()).toEqual(none)
  })

  test('keeps messages, counts and receipts after a restart', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'queue.sqlite')
    const db = openDatabase(path)
    const queue = openQueue(db, 'queue')
    for (const body of ['one', 'two']) queue.send(body)
    const [received] = queue.receive(1)
    db.close()
    const again = openQueue(openDatabase(path), 'queue')
    expect(again.counts()).toEqual({ visible: 1, inFlight: 1, delayed: 0 })
    again.delete(received?.receiptHandle ?? '')
    expect(again.receive(10).map(message => message.body)).toEqual(['two'])
  })
})
