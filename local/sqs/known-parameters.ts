import { SqsError } from './errors.ts'
import type { Input } from './input.ts'

/** The parameters that each action reads; those of an entry of a batch after the colon. */
const parameters: Record<string, string> = {
  ListQueues: 'QueueNamePrefix',
  GetQueueUrl: 'QueueName',
  GetQueueAttributes: 'QueueUrl AttributeNames',
  SendMessage: 'QueueUrl MessageBody MessageAttributes DelaySeconds',
  SendMessageBatch: 'QueueUrl Entries:Id MessageBody MessageAttributes DelaySeconds',
  ReceiveMessage:
    'QueueUrl AttributeNames MessageSystemAttributeNames MessageAttributeNames MaxNumberOfMessages VisibilityTimeout WaitTimeSeconds',
  DeleteMessage: 'QueueUrl ReceiptHandle',
  DeleteMessageBatch: 'QueueUrl Entries:Id ReceiptHandle',
  ChangeMessageVisibility: 'QueueUrl ReceiptHandle VisibilityTimeout',
  ChangeMessageVisibilityBatch: 'QueueUrl Entries:Id ReceiptHandle VisibilityTimeout',
  PurgeQueue: 'QueueUrl',
  StartMessageMoveTask: 'SourceArn DestinationArn',
}

/** Refuses every parameter that an action does not read with UnsupportedOperation, so that none is accepted and then ignored. */
export function checkParameters(action: string, input: Input): void {
  const [own = [], ofEntries = []] = (parameters[action] ?? '').split(':').map(names => names.split(' '))
  const entries = Array.isArray(input.Entries) ? (input.Entries as Input[]) : []
  const other =
    Object.keys(input).find(name => !own.includes(name)) ??
    entries.flatMap(entry => Object.keys(entry)).find(name => !ofEntries.includes(name))
  if (other === undefined) return
  const message = `The parameter ${other} of ${action} is not implemented`
  throw new SqsError('UnsupportedOperation', message, 400, 'AWS.SimpleQueueService.UnsupportedOperation')
}
