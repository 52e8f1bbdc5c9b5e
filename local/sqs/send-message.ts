import { attributesMd5, md5 } from './digests.ts'
import { SqsError } from './errors.ts'
import { type Input, integer } from './input.ts'
import type { MessageAttribute } from './messages.ts'
import type { Queue } from './queue.ts'

/** SendMessage, and one entry of SendMessageBatch. */
export function sendMessage(queue: Queue, input: Input): object {
  const body = input.MessageBody
  if (typeof body !== 'string' || body === '')
    throw new SqsError('MissingParameter', 'The request must contain the parameter MessageBody.')
  if (Buffer.byteLength(body) > 1024 ** 2)
    throw new SqsError(
      'InvalidParameterValue',
      'One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.',
    )
  const attributes = (input.MessageAttributes ?? {}) as Record<string, MessageAttribute>
  const messageId = queue.send(body, attributes, integer(input, 'DelaySeconds', 0, 0, 900))
  return { MessageId: messageId, MD5OfMessageBody: md5(body), MD5OfMessageAttributes: attributesMd5(attributes) }
}
