import { Duration } from 'aws-cdk-lib'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import type { Construct } from 'constructs'
import { acknowledge } from '../acknowledge.ts'
import { prefixOf } from '../names.ts'
import type { Stage } from '../stages.ts'

/** The queue of a bucket's events, and the one for messages that can't be indexed. */
export type Queues = { queue: Queue; deadLetters: Queue }

/** Seconds that an indexer may take for a batch. */
export const INDEXER_TIMEOUT = 60

/** Deliveries before a message is dead. The indexer counts too, and at the last one sends it away itself, with its reason; the queue's own count is for indexers that crash. */
export const MAX_RECEIVES = 5

/** Makes both queues: encrypted, over TLS only, messages are kept for 14 days, the most there is. */
export function queues(scope: Construct, stage: Stage): Queues {
  const common = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true, retentionPeriod: Duration.days(14) }
  const deadLetters = new Queue(scope, 'DeadLetters', { ...common, queueName: `${prefixOf(stage)}-dead-letters` })
  acknowledge(deadLetters, {
    'Serverless-SQSRedrivePolicy': 'It is the dead-letter queue: an alarm tells of each message in it, and people decide.',
  })
  const queue = new Queue(scope, 'Queue', {
    ...common,
    queueName: `${prefixOf(stage)}-events`,
    // AWS: six timeouts of the function, or a throttled batch is delivered twice.
    visibilityTimeout: Duration.seconds(6 * INDEXER_TIMEOUT),
    deadLetterQueue: { queue: deadLetters, maxReceiveCount: MAX_RECEIVES },
  })
  return { queue, deadLetters }
}
