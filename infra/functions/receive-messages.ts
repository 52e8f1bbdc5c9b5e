import { Duration } from 'aws-cdk-lib'
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda'
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources'
import { acknowledge } from '../acknowledge.ts'
import type { Data } from '../data-stack.ts'
import type { Stage } from '../stages.ts'

/** Lets Lambda invoke a function with batches of the bucket's events. */
export function receiveMessages(lambda: Lambda, stage: Stage, { queue }: Data): void {
  lambda.addEventSource(
    new SqsEventSource(queue, {
      // A batch costs two round trips to the database, however many events it has.
      batchSize: 100,
      maxBatchingWindow: Duration.seconds(1),
      reportBatchItemFailures: true,
      // Instead of reserved concurrency, which would throttle, and each throttled batch counts as received.
      maxConcurrency: stage.maxIndexers,
    }),
  )
  acknowledge(lambda, {
    'Serverless-LambdaEventSourceMappingDestination':
      'SQS sources have no destination: failed messages stay in the queue, and its redrive policy or the indexer sends them to the dead-letter queue.',
  })
}
