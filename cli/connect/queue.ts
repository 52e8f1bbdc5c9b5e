import { GetQueueAttributesCommand, GetQueueUrlCommand, SQSClient } from '@aws-sdk/client-sqs'
import { CliError, isNetworkError } from '../terminal/cli-error.ts'
import { isLoopback, startHint, type Target } from './target.ts'

/** The event queue, if known, and its dead-letter queue. */
export type Queues = { sqs: SQSClient; sourceUrl?: string; deadLetterUrl: string }

/** Queue names of a catalog on one machine. */
const LOCAL_QUEUE_NAMES = { source: 'catalog-events', dead: 'catalog-events-dead' }

/** Creates the SQS client for the queues of a target. Throws CliError when they are unknown or can't be reached. */
export async function openQueues(target: Target): Promise<Queues> {
  const { s3Url, region, queueUrl, deadLetterQueueUrl, credentials } = target
  const signing = target.queueCredentials ?? credentials
  // The S3 endpoint of a catalog that follows another S3 has no queues.
  const known = deadLetterQueueUrl ?? queueUrl
  const endpoint = (known && URL.parse(known)?.origin) ?? (s3Url && isLoopback(s3Url) ? s3Url : undefined)
  const sqs = new SQSClient({
    region,
    ...(endpoint ? { endpoint } : {}),
    ...(signing ? { credentials: signing } : {}),
    maxAttempts: 5,
  })
  if (deadLetterQueueUrl) return { sqs, sourceUrl: queueUrl, deadLetterUrl: deadLetterQueueUrl }
  if (!endpoint || !isLoopback(endpoint))
    throw new CliError('No queue given: set CATALOG_DEAD_LETTER_QUEUE_URL and CATALOG_QUEUE_URL')
  try {
    const [source, dead] = await Promise.all(
      [LOCAL_QUEUE_NAMES.source, LOCAL_QUEUE_NAMES.dead].map(QueueName => sqs.send(new GetQueueUrlCommand({ QueueName }))),
    )
    return { sqs, sourceUrl: source?.QueueUrl, deadLetterUrl: dead?.QueueUrl ?? '' }
  } catch (error) {
    if (!isNetworkError(error)) throw error
    throw new CliError(`Cannot reach ${endpoint}. ${startHint(endpoint)}`, { cause: error })
  }
}

/** A queue's ARN and message counts: `waiting` includes delayed ones, `inFlight` are being processed. AWS's counts are approximate. */
export async function getQueueState(
  sqs: SQSClient,
  queueUrl: string,
): Promise<{ arn: string; waiting: number; inFlight: number }> {
  const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['All'] }))
  return {
    arn: Attributes.QueueArn ?? '',
    waiting: Number(Attributes.ApproximateNumberOfMessages) + Number(Attributes.ApproximateNumberOfMessagesDelayed),
    inFlight: Number(Attributes.ApproximateNumberOfMessagesNotVisible),
  }
}
