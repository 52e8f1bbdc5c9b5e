import { Duration } from 'aws-cdk-lib'
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs'
import type { Construct } from 'constructs'
import { FUNCTIONS, MAX_RECEIVES } from '../../shared/functions.ts'
import { acknowledge } from '../acknowledge.ts'
import { prefixOf } from '../names.ts'
import type { Stage } from '../stages.ts'

/** The queue of a bucket's events, and the one for messages that can't be indexed. */
export type Queues = { queue: Queue; deadLetters: Queue }

/** Creates both queues: encrypted, TLS only, messages are kept for 14 days, the longest that SQS allows. */
export function queues(scope: Construct, stage: Stage): Queues {
  const common = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true, retentionPeriod: Duration.days(14) }
  const deadLetters = new Queue(scope, 'DeadLetters', { ...common, queueName: `${prefixOf(stage)}-dead-letters` })
  acknowledge(deadLetters, {
    'Serverless-SQSRedrivePolicy': 'It is the dead-letter queue: an alarm reports messages in it, and people decide.',
  })
  const queue = new Queue(scope, 'Queue', {
    ...common,
    queueName: `${prefixOf(stage)}-events`,
    // AWS recommends six timeouts of the function; with less, a throttled batch is delivered twice.
    visibilityTimeout: Duration.seconds(6 * FUNCTIONS.indexer.timeout),
    // For an indexer that crashes: one that runs sends the message away itself at the last delivery.
    deadLetterQueue: { queue: deadLetters, maxReceiveCount: MAX_RECEIVES },
  })
  return { queue, deadLetters }
}
