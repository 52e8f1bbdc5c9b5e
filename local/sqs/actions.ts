import { createHash, randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { queueArn } from './event-source.ts'
import type { MessageAttribute, Queue, ReceivedMessage } from './queue.ts'

/** An error of SQS; the query code is what older clients know it by. */
export class SqsError extends Error {
  readonly code: string
  readonly status: number
  readonly queryCode: string

  constructor(code: string, message: string, status = 400, queryCode = code) {
    super(message)
    this.code = code
    this.status = status
    this.queryCode = queryCode
  }
}

/** What an action works on: the queues, the URL they were reached by, and the response, whose end ends a long poll. */
export type SqsContext = { endpoint: { queues: Queue[]; closing: AbortSignal }; baseUrl: string; response: ServerResponse }

type Input = Record<string, unknown>

/** Runs one action by its name ("Amazon SQS API Reference"); what is not there is UnsupportedOperation. */
export async function runAction(context: SqsContext, name: string, input: Input): Promise<object> {
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined
  if (!action)
    throw new SqsError('UnsupportedOperation', `${name} is not implemented`, 400, 'AWS.SimpleQueueService.UnsupportedOperation')
  return action(context, input)
}

/** The MD5 of message attributes as SQS computes it, undefined for none ("SQS message metadata: calculating the MD5 digest"). */
function attributesMd5(attributes: Record<string, MessageAttribute>): string | undefined {
  const names = Object.keys(attributes).sort()
  if (names.length === 0) return undefined
  const hash = createHash('md5')
  const field = (bytes: Buffer) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    hash.update(length).update(bytes)
  }
  for (const name of names) {
    const { DataType, StringValue, BinaryValue } = attributes[name]!
    field(Buffer.from(name))
    field(Buffer.from(DataType))
    hash.update(Buffer.from([DataType.startsWith('Binary') ? 2 : 1]))
    field(BinaryValue === undefined ? Buffer.from(StringValue ?? '') : Buffer.from(BinaryValue, 'base64'))
  }
  return hash.digest('hex')
}

const actions: Record<string, (context: SqsContext, input: Input) => object | Promise<object>> = {
  ListQueues({ endpoint, baseUrl }, input) {
    const prefix = String(input.QueueNamePrefix ?? '')
    return { QueueUrls: endpoint.queues.filter(queue => queue.name.startsWith(prefix)).map(queue => urlOf(baseUrl, queue)) }
  },
  GetQueueUrl({ endpoint, baseUrl }, input) {
    return { QueueUrl: urlOf(baseUrl, queueNamed(endpoint.queues, String(input.QueueName))) }
  },
  GetQueueAttributes(context, input) {
    const all = queueAttributes(queueOf(context, input))
    const wanted = strings(input.AttributeNames)
    return {
      Attributes: Object.fromEntries(Object.entries(all).filter(([name]) => wanted.includes('All') || wanted.includes(name))),
    }
  },
  SendMessage: (context, input) => send(queueOf(context, input), input),
  SendMessageBatch: (context, input) => batch(input, entry => send(queueOf(context, input), entry)),
  ReceiveMessage: receive,
  DeleteMessage(context, input) {
    queueOf(context, input).delete(String(input.ReceiptHandle))
    return {}
  },
  DeleteMessageBatch(context, input) {
    return batch(input, entry => {
      queueOf(context, input).delete(String(entry.ReceiptHandle))
      return {}
    })
  },
  ChangeMessageVisibility: (context, input) => changeVisibility(queueOf(context, input), input),
  ChangeMessageVisibilityBatch: (context, input) => batch(input, entry => changeVisibility(queueOf(context, input), entry)),
  PurgeQueue(context, input) {
    queueOf(context, input).purge()
    return {}
  },
  StartMessageMoveTask({ endpoint }, input) {
    const nameOf = (arn: unknown) => String(arn).replace(/^arn:aws:sqs:[^:]*:\d+:/, '')
    const destination =
      input.DestinationArn === undefined ? undefined : queueNamed(endpoint.queues, nameOf(input.DestinationArn)).name
    queueNamed(endpoint.queues, nameOf(input.SourceArn)).redrive(destination)
    return { TaskHandle: Buffer.from(randomUUID()).toString('base64') }
  },
}

const urlOf = (baseUrl: string, queue: Queue) => `${baseUrl}/000000000000/${queue.name}`

function queueOf({ endpoint }: SqsContext, input: Input): Queue {
  return queueNamed(
    endpoint.queues,
    String(input.QueueUrl ?? '')
      .split('/')
      .at(-1) ?? '',
  )
}

function queueNamed(queues: Queue[], name: string): Queue {
  const queue = queues.find(one => one.name === name)
  if (queue) return queue
  throw new SqsError('QueueDoesNotExist', 'The specified queue does not exist.', 400, 'AWS.SimpleQueueService.NonExistentQueue')
}

function queueAttributes(queue: Queue): Record<string, string> {
  const { visible, inFlight, delayed } = queue.counts()
  const { visibilitySeconds, maxReceiveCount, deadLetterQueue } = queue.options
  return {
    QueueArn: queueArn(queue.name),
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    ApproximateNumberOfMessagesDelayed: String(delayed),
    VisibilityTimeout: String(visibilitySeconds),
    DelaySeconds: '0',
    ReceiveMessageWaitTimeSeconds: '0',
    ...(deadLetterQueue
      ? { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: queueArn(deadLetterQueue), maxReceiveCount }) }
      : {}),
  }
}

function send(queue: Queue, input: Input): object {
  const body = input.MessageBody
  if (typeof body !== 'string' || body === '')
    throw new SqsError('MissingParameter', 'The request must contain the parameter MessageBody.')
  if (Buffer.byteLength(body) > 1024 ** 2)
    throw new SqsError(
      'InvalidParameterValue',
      'One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.',
    )
  const attributes = (input.MessageAttributes ?? {}) as Record<string, MessageAttribute>
  const messageId = queue.send(body, attributes, number(input, 'DelaySeconds', 0, 0, 900))
  return { MessageId: messageId, MD5OfMessageBody: md5(body), MD5OfMessageAttributes: attributesMd5(attributes) }
}

async function receive(context: SqsContext, input: Input): Promise<object> {
  const queue = queueOf(context, input)
  const max = number(input, 'MaxNumberOfMessages', 1, 1, 10)
  const visibility = number(input, 'VisibilityTimeout', queue.options.visibilitySeconds, 0, 43_200)
  const until = Date.now() + number(input, 'WaitTimeSeconds', 0, 0, 20) * 1000
  let messages = queue.receive(max, visibility)
  while (messages.length === 0 && Date.now() < until && !context.endpoint.closing.aborted && !context.response.destroyed) {
    await nextMessage(queue, until - Date.now(), context)
    if (context.response.destroyed) break
    messages = queue.receive(max, visibility)
  }
  const system = [...strings(input.AttributeNames), ...strings(input.MessageSystemAttributeNames)]
  const own = strings(input.MessageAttributeNames)
  return messages.length === 0 ? {} : { Messages: messages.map(message => toMessage(message, system, own)) }
}

// Wakes for a message, for one that becomes visible again, and when the client or the server goes away.
async function nextMessage(queue: Queue, waitMs: number, { endpoint, response }: SqsContext): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const stopListening = queue.onMessage(resolve)
  const timer = setTimeout(resolve, Math.min(waitMs, queue.untilVisible() ?? waitMs))
  const wake = () => resolve()
  response.once('close', wake)
  endpoint.closing.addEventListener('abort', wake)
  await promise
  endpoint.closing.removeEventListener('abort', wake)
  response.off('close', wake)
  clearTimeout(timer)
  stopListening()
}

function toMessage(message: ReceivedMessage, system: string[], own: string[]): object {
  const attributes: Record<string, string> = {
    SenderId: 'AIDALOCALS3',
    SentTimestamp: String(message.sentAt),
    ApproximateReceiveCount: String(message.receiveCount),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
    ...(message.deadFrom ? { DeadLetterQueueSourceArn: queueArn(message.deadFrom) } : {}),
  }
  const wanted = Object.entries(attributes).filter(([name]) => system.includes('All') || system.includes(name))
  const isWanted = (name: string) =>
    own.some(
      pattern => pattern === 'All' || pattern === name || (pattern.endsWith('.*') && name.startsWith(pattern.slice(0, -2))),
    )
  const messageAttributes = Object.fromEntries(Object.entries(message.attributes).filter(([name]) => isWanted(name)))
  const hasAttributes = Object.keys(messageAttributes).length > 0
  return {
    MessageId: message.messageId,
    ReceiptHandle: message.receiptHandle,
    Body: message.body,
    MD5OfBody: md5(message.body),
    ...(wanted.length > 0 ? { Attributes: Object.fromEntries(wanted) } : {}),
    ...(hasAttributes ? { MessageAttributes: messageAttributes, MD5OfMessageAttributes: attributesMd5(messageAttributes) } : {}),
  }
}

function changeVisibility(queue: Queue, input: Input): object {
  if (queue.changeVisibility(String(input.ReceiptHandle), number(input, 'VisibilityTimeout', 0, 0, 43_200))) return {}
  throw new SqsError(
    'MessageNotInflight',
    'The specified message is not in flight.',
    400,
    'AWS.SimpleQueueService.MessageNotInflight',
  )
}

// Each entry of a batch succeeds or fails for itself.
function batch(input: Input, run: (entry: Input) => object): object {
  const entries = Array.isArray(input.Entries) ? (input.Entries as Input[]) : []
  if (entries.length === 0)
    throw new SqsError(
      'EmptyBatchRequest',
      'There should be at least one entry in the request.',
      400,
      'AWS.SimpleQueueService.EmptyBatchRequest',
    )
  if (entries.length > 10) {
    const message = `Maximum number of entries per request are 10. You have sent ${entries.length}.`
    throw new SqsError('TooManyEntriesInBatchRequest', message, 400, 'AWS.SimpleQueueService.TooManyEntriesInBatchRequest')
  }
  const successful: object[] = []
  const failed: object[] = []
  for (const entry of entries) {
    try {
      successful.push({ Id: entry.Id, ...run(entry) })
    } catch (error) {
      if (!(error instanceof SqsError)) throw error
      failed.push({ Id: entry.Id, Code: error.code, Message: error.message, SenderFault: true })
    }
  }
  return { Successful: successful, ...(failed.length > 0 ? { Failed: failed } : {}) }
}

function number(input: Input, name: string, fallback: number, min: number, max: number): number {
  const value = Number(input[name] ?? fallback)
  if (Number.isInteger(value) && value >= min && value <= max) return value
  const message = `Value ${String(input[name])} for parameter ${name} is invalid. Reason: Must be between ${min} and ${max}, if provided.`
  throw new SqsError('InvalidParameterValue', message)
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}

const md5 = (text: string) => createHash('md5').update(text).digest('hex')
