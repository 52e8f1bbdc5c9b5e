import { Rule } from 'aws-cdk-lib/aws-events'
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets'
import type { Construct } from 'constructs'
import { prefixOf } from '../names.ts'
import type { Stage } from '../stages.ts'
import type { Queues } from './queue.ts'

/** The detail types that `shared/ingest/events.ts` handles. */
export const DETAIL_TYPES = [
  'Object Created',
  'Object Deleted',
  'Object Restore Initiated',
  'Object Restore Completed',
  'Object Restore Expired',
  'Object Tags Added',
  'Object Tags Deleted',
  'Object ACL Updated',
  'Object Storage Class Changed',
  'Object Access Tier Changed',
]

/**
 * Follows an existing bucket without changing it: its events come from EventBridge, which must be enabled for the bucket. A
 * notification configuration would replace all notifications that the bucket has.
 */
export function adoptedBucket(scope: Construct, stage: Stage, name: string, { queue, deadLetters }: Queues): void {
  new Rule(scope, 'BucketEvents', {
    ruleName: `${prefixOf(stage)}-bucket-events`,
    description: `Events of the bucket ${name} to the indexer's queue`,
    eventPattern: { source: ['aws.s3'], detailType: DETAIL_TYPES, detail: { bucket: { name: [name] } } },
    targets: [new SqsQueue(queue, { deadLetterQueue: deadLetters })],
  })
}
