import { attributesMd5, md5 } from './digests.ts'
import { type Input, integer, queueOf, type SqsContext, strings } from './input.ts'
import type { ReceivedMessage } from './messages.ts'
import type { Queue } from './queue.ts'
import { queueArn } from './queue-names.ts'

/** ReceiveMessage: waits for up to `WaitTimeSeconds` if there is no message. */
export async function receiveMessage(context: SqsContext, input: Input): Promise<object> {
  const queue = queueOf(context, input)
  const max = integer(input, 'MaxNumberOfMessages', 1, 1, 10)
  const visibility = integer(input, 'VisibilityTimeout', queue.options.visibilitySeconds, 0, 43_200)
  const until = Date.now() + integer(input, 'WaitTimeSeconds', 0, 0, 20) * 1000
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

// Wakes when a message arrives or becomes visible again, and when the client disconnects or the server closes.
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
