import { createHash, randomUUID } from 'node:crypto'
import type { Context, SQSBatchResponse, SQSEvent, SQSMessageAttributes, SQSRecord } from 'aws-lambda'
import type { ReceivedMessage } from './messages.ts'
import type { Queue } from './queue.ts'
import { queueArn } from './queue-names.ts'

/** A function as Lambda calls it for a queue. A response without failures means that the whole batch succeeded. */
export type BatchHandler = (event: SQSEvent, context: Context) => Promise<SQSBatchResponse | undefined>

/** How a queue is connected to a function. */
export type EventSourceOptions = {
  queue: Queue
  handler: BatchHandler
  batchSize?: number
  /** How long a batch that is not full waits for more messages, in ms. */
  windowMs?: number
  concurrency?: number
  /** Seconds until a message that has failed n times is delivered again. */
  backoffSeconds?: (receiveCount: number) => number
  functionName?: string
  onError?: (error: unknown, batch: ReceivedMessage[]) => void
}

/** A running event source. `drained` resolves when the queue is empty and no batch runs; `close` waits for running batches. */
export type EventSource = { drained(): Promise<void>; close(): Promise<void> }

/** Works like Lambda's event source mapping for SQS: batches, partial batch responses, and a thrown error fails the whole batch. */
export function startEventSource(options: EventSourceOptions): EventSource {
  const { queue, handler, batchSize = 100, windowMs = 50, concurrency = 1 } = options
  const backoff = options.backoffSeconds ?? (count => Math.min(30, 0.5 * 2 ** (count - 1)))
  const onError = options.onError ?? (error => console.error(error))
  const sleepers = new Set<() => void>()
  let closed = false
  let running = 0
  const waiting = new Set<() => void>()

  const pause = async (ms: number, wakingQueue?: Queue) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const stopListening = wakingQueue?.onMessage(resolve)
    const timer = setTimeout(resolve, ms)
    sleepers.add(resolve)
    if (closed) resolve()
    await promise
    sleepers.delete(resolve)
    clearTimeout(timer)
    stopListening?.()
  }

  const isDrained = () => {
    const { visible, inFlight, delayed } = queue.counts()
    return running === 0 && visible + inFlight + delayed === 0
  }

  const invoke = async (batch: ReceivedMessage[]) => {
    let failed: Set<string>
    try {
      const context = lambdaContext(options.functionName ?? 'indexer', queue.options.visibilitySeconds * 1000)
      failed = failures(batch, await handler({ Records: batch.map(message => toRecord(queue.name, message)) }, context))
    } catch (error) {
      onError(error, batch)
      failed = new Set(batch.map(message => message.messageId))
    }
    queue.delete(batch.filter(message => !failed.has(message.messageId)).map(message => message.receiptHandle))
    for (const message of batch.filter(message => failed.has(message.messageId))) {
      queue.changeVisibility(message.receiptHandle, backoff(message.receiveCount))
    }
  }

  const poll = async () => {
    while (!closed) {
      const batch = queue.receive(batchSize)
      if (batch.length > 0) {
        running++
        if (batch.length < batchSize && windowMs > 0) {
          await pause(windowMs)
          batch.push(...queue.receive(batchSize - batch.length))
        }
        await invoke(batch)
        running--
      }
      if (waiting.size > 0 && isDrained()) for (const wake of waiting) wake()
      if (batch.length === 0) await pause(Math.min(LONGEST_WAIT_MS, queue.untilVisible() ?? LONGEST_WAIT_MS), queue)
    }
  }

  const pollers = Array.from({ length: concurrency }, poll)
  return {
    async drained() {
      if (isDrained()) return
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.add(resolve)
      await promise
      waiting.delete(resolve)
    },
    async close() {
      closed = true
      for (const wake of sleepers) wake()
      await Promise.all(pollers)
    },
  }
}

/** The longest long poll of SQS, 20 s. It finds messages that another process has sent. */
const LONGEST_WAIT_MS = 20_000

// An identifier that is empty or not in the batch fails the whole batch: Lambda, "Implementing partial batch responses".
function failures(batch: ReceivedMessage[], response: SQSBatchResponse | undefined): Set<string> {
  const known = new Set(batch.map(message => message.messageId))
  const failed = (response?.batchItemFailures ?? []).map(failure => failure.itemIdentifier)
  return failed.every(id => known.has(id)) ? new Set(failed) : known
}

function toRecord(queueName: string, message: ReceivedMessage): SQSRecord {
  return {
    messageId: message.messageId,
    receiptHandle: message.receiptHandle,
    body: message.body,
    attributes: {
      ApproximateReceiveCount: String(message.receiveCount),
      SentTimestamp: String(message.sentAt),
      SenderId: 'AIDALOCALS3',
      ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
      ...(message.deadFrom ? { DeadLetterQueueSourceArn: queueArn(message.deadFrom) } : {}),
    },
    messageAttributes: messageAttributes(message),
    md5OfBody: createHash('md5').update(message.body).digest('hex'),
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn(queueName),
    awsRegion: 'us-east-1',
  }
}

function messageAttributes(message: ReceivedMessage): SQSMessageAttributes {
  const entries = Object.entries(message.attributes).map(([name, attribute]) => [
    name,
    {
      ...(attribute.StringValue === undefined ? {} : { stringValue: attribute.StringValue }),
      ...(attribute.BinaryValue === undefined ? {} : { binaryValue: attribute.BinaryValue }),
      stringListValues: [],
      binaryListValues: [],
      dataType: attribute.DataType,
    },
  ])
  return Object.fromEntries(entries)
}

function lambdaContext(functionName: string, timeoutMs: number): Context {
  const deadline = Date.now() + timeoutMs
  const unsupported = () => {
    throw new Error('context.done, fail and succeed do not exist in Lambda since Node 24: return or throw')
  }
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`,
    memoryLimitInMB: '512',
    awsRequestId: randomUUID(),
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: 'local',
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    done: unsupported,
    fail: unsupported,
    succeed: unsupported,
  }
}
