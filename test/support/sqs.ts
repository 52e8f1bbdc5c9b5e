import type { SQSEvent } from 'aws-lambda'

/** Messages with these bodies as Lambda hands them to a function; their ids are their places. */
export function sqsEvent(bodies: string[], receives = 1): SQSEvent {
  return {
    Records: bodies.map((body, n) => ({
      messageId: String(n),
      receiptHandle: `receipt ${n}`,
      body,
      attributes: {
        ApproximateReceiveCount: String(receives),
        SentTimestamp: '0',
        SenderId: 'sender',
        ApproximateFirstReceiveTimestamp: '0',
      },
      messageAttributes: {},
      md5OfBody: '',
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:events',
      awsRegion: 'us-east-1',
    })),
  }
}
