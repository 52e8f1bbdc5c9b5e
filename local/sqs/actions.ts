import { randomUUID } from 'node:crypto'
import { SqsError } from './errors.ts'
import { type Input, integer, queueNamed, queueOf, type SqsContext, strings } from './input.ts'
import { checkParameters } from './known-parameters.ts'
import type { Queue } from './queue.ts'
import { queueArn, queueUrl } from './queue-names.ts'
import { receiveMessage } from './receive-message.ts'
import { sendMessage } from './send-message.ts'

/** Runs one action by its name ("Amazon SQS API Reference"); UnsupportedOperation for one that is not implemented. */
export async function runAction(context: SqsContext, name: string, input: Input): Promise<object> {
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined
  if (!action)
    throw new SqsError('UnsupportedOperation', `${name} is not implemented`, 400, 'AWS.SimpleQueueService.UnsupportedOperation')
  checkParameters(name, input)
  return action(context, input)
}

const actions: Record<string, (context: SqsContext, input: Input) => object | Promise<object>> = {
  ListQueues({ endpoint, baseUrl }, input) {
    const prefix = String(input.QueueNamePrefix ?? '')
    return { QueueUrls: endpoint.queues.filter(queue => queue.name.startsWith(prefix)).map(queue => queueUrl(baseUrl, queue)) }
  },
  GetQueueUrl({ endpoint, baseUrl }, input) {
    return { QueueUrl: queueUrl(baseUrl, queueNamed(endpoint.queues, String(input.QueueName))) }
  },
  GetQueueAttributes(context, input) {
    const all = queueAttributes(queueOf(context, input))
    const wanted = strings(input.AttributeNames)
    return {
      Attributes: Object.fromEntries(Object.entries(all).filter(([name]) => wanted.includes('All') || wanted.includes(name))),
    }
  },
  SendMessage: (context, input) => sendMessage(queueOf(context, input), input),
  SendMessageBatch: (context, input) => batch(input, entry => sendMessage(queueOf(context, input), entry)),
  ReceiveMessage: receiveMessage,
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

function changeVisibility(queue: Queue, input: Input): object {
  if (queue.changeVisibility(String(input.ReceiptHandle), integer(input, 'VisibilityTimeout', 0, 0, 43_200))) return {}
  throw new SqsError(
    'MessageNotInflight',
    'The specified message is not in flight.',
    400,
    'AWS.SimpleQueueService.MessageNotInflight',
  )
}

// Each entry of a batch succeeds or fails on its own.
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
