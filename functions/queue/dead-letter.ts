import type { SQSClientConfig } from '@aws-sdk/client-sqs'
import type { SQSRecord } from 'aws-lambda'

/** Sends a message that can't be handled to where people look; false when there is no such place, then SQS's redrive takes it there. */
export type SendDeadLetter = (body: string, reason: string, message: SQSRecord) => Promise<boolean>

/** Sends to the dead-letter queue with the reason, and the id of the message it came in, as message attributes. `config` is the SQS client's. */
export function deadLetterQueue(queueUrl: string | undefined, config: SQSClientConfig = {}): SendDeadLetter {
  if (!queueUrl) return async () => false
  let client: Promise<(body: string, reason: string, message: SQSRecord) => Promise<unknown>> | undefined
  const open = async () => {
    // Loaded when first needed: a healthy indexer never does.
    const { SendMessageCommand, SQSClient } = await import('@aws-sdk/client-sqs')
    const sqs = new SQSClient(config)
    return (body: string, reason: string, message: SQSRecord) => {
      const attributes = { Reason: text(reason), MessageId: text(message.messageId), QueueArn: text(message.eventSourceARN) }
      return sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body, MessageAttributes: attributes }))
    }
  }
  return async (body, reason, message) => {
    client ??= open()
    await (await client)(body, reason, message)
    return true
  }
}

/** SQS takes no control characters in an attribute, and a message has at most 1 MiB of everything. */
function text(value: string) {
  const printable = value.toWellFormed().replaceAll(/[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
  return { DataType: 'String', StringValue: printable.slice(0, 1000).toWellFormed() || 'unknown' }
}
