import type { SQSClientConfig } from '@aws-sdk/client-sqs'
import type { SQSRecord } from 'aws-lambda'

/** Sends a message that cannot be processed to the dead-letter queue; false when there is none, and SQS's redrive policy has to move it. */
export type SendDeadLetter = (body: string, reason: string, message: SQSRecord) => Promise<boolean>

/** Sends to the dead-letter queue, with the reason and the id of the original message as message attributes. `config` is for the SQS client. */
export function deadLetterQueue(queueUrl: string | undefined, config: SQSClientConfig = {}): SendDeadLetter {
  if (!queueUrl) return async () => false
  let client: Promise<(body: string, reason: string, message: SQSRecord) => Promise<unknown>> | undefined
  const open = async () => {
    // Loaded when first needed: a healthy indexer never needs it.
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

/** SQS allows no control characters in an attribute, and at most 1 MiB for a message with its attributes. */
function text(value: string) {
  const printable = value.toWellFormed().replaceAll(/[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
  return { DataType: 'String', StringValue: printable.slice(0, 1000).toWellFormed() || 'unknown' }
}
