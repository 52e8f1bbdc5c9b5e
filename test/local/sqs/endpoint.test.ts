import { createHash } from 'node:crypto'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs'
import { describe, expect } from 'vitest'
import { credentials, type Endpoint, failure, s3Test } from '../s3/endpoint.ts'

function queueOf({ server }: Endpoint) {
  const client = new SQSClient({ endpoint: server.url, region: 'us-east-1', credentials, maxAttempts: 1 })
  const QueueUrl = `${server.url}/000000000000/catalog-events`
  return { client, QueueUrl, DeadUrl: `${QueueUrl}-dead` }
}

/** The digest of message attributes: names in order; length and bytes of name, type and value; 1 for text, 2 for bytes. */
function digestOf(attributes: Record<string, { DataType: string; StringValue?: string; BinaryValue?: Uint8Array }>): string {
  const field = (bytes: Uint8Array) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes])
  const parts = Object.entries(attributes)
    .toSorted()
    .flatMap(([name, { DataType, StringValue, BinaryValue }]) => [
      field(Buffer.from(name)),
      field(Buffer.from(DataType)),
      Buffer.from([BinaryValue ? 2 : 1]),
      field(BinaryValue ?? Buffer.from(StringValue ?? '')),
    ])
  return createHash('md5').update(Buffer.concat(parts)).digest('hex')
}

describe('SQS', () => {
  s3Test('refuses parameters that it does not read: they were accepted and ignored', async ({ s3 }) => {
    const { client, QueueUrl, DeadUrl } = queueOf(s3)
    const refused = ['UnsupportedOperation', 400]
    const more = { MessageBody: 'x', MessageGroupId: 'g' }
    expect(await failure(client.send(new SendMessageCommand({ QueueUrl, ...more })))).toEqual(refused)
    const Entries = [{ Id: '1', ...more }]
    expect(await failure(client.send(new SendMessageBatchCommand({ QueueUrl, Entries })))).toEqual(refused)
    const SourceArn = `arn:aws:sqs:us-east-1:000000000000:${DeadUrl.split('/').at(-1)}`
    const move = new StartMessageMoveTaskCommand({ SourceArn, MaxNumberOfMessagesPerSecond: 1 })
    expect(await failure(client.send(move))).toEqual(refused)
    expect((await client.send(new ReceiveMessageCommand({ QueueUrl }))).Messages).toBeUndefined()
  })

  s3Test('delivers the events of the buckets to the AWS SDK', async ({ s3 }) => {
    const { client, QueueUrl } = queueOf(s3)
    expect(await client.send(new GetQueueUrlCommand({ QueueName: 'catalog-events' }))).toMatchObject({ QueueUrl })
    expect((await client.send(new ListQueuesCommand({}))).QueueUrls).toEqual([QueueUrl, `${QueueUrl}-dead`])
    await s3.client.send(new PutObjectCommand({ Bucket: 'plain', Key: 'k', Body: 'x' }))
    const { Messages } = await client.send(new ReceiveMessageCommand({ QueueUrl, MessageSystemAttributeNames: ['All'] }))
    expect(JSON.parse(Messages?.[0]?.Body ?? '').Records[0].s3.object.key).toBe('k')
    expect(Messages?.[0]?.Attributes).toEqual({
      SenderId: expect.any(String),
      SentTimestamp: expect.stringMatching(/^\d{13}$/),
      ApproximateReceiveCount: '1',
      ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
    })
    const { Attributes } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }))
    expect(Attributes).toMatchObject({
      QueueArn: 'arn:aws:sqs:us-east-1:000000000000:catalog-events',
      ApproximateNumberOfMessages: '0',
      ApproximateNumberOfMessagesNotVisible: '1',
      RedrivePolicy: '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:catalog-events-dead","maxReceiveCount":5}',
    })
    await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: Messages?.[0]?.ReceiptHandle }))
    expect(s3.server.events.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 })
  })

  s3Test('carries bodies and attributes with the digests that the SDK checks', async ({ s3 }) => {
    const { client, QueueUrl } = queueOf(s3)
    const MessageAttributes = {
      text: { DataType: 'String', StringValue: 'ü' },
      count: { DataType: 'Number', StringValue: '7' },
      bytes: { DataType: 'Binary', BinaryValue: Uint8Array.from([0, 255]) },
    }
    const sent = await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'ü\n', MessageAttributes }))
    expect(sent.MD5OfMessageBody).toBe(createHash('md5').update('ü\n').digest('hex'))
    expect(sent.MD5OfMessageAttributes).toBe(digestOf(MessageAttributes))
    const { Messages } = await client.send(new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ['All'] }))
    expect(Messages?.[0]).toMatchObject({ MessageId: sent.MessageId, Body: 'ü\n', MessageAttributes })
    expect(Messages?.[0]?.MD5OfMessageAttributes).toBe(sent.MD5OfMessageAttributes)
  })

  s3Test('reports the result of a batch for each entry', async ({ s3 }) => {
    const { client, QueueUrl } = queueOf(s3)
    const Entries = [
      { Id: 'a', MessageBody: 'one' },
      { Id: 'b', MessageBody: 'two', DelaySeconds: 5000 },
    ]
    const sent = await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }))
    expect([sent.Successful?.map(entry => entry.Id), sent.Failed?.map(entry => [entry.Id, entry.Code])]).toEqual([
      ['a'],
      [['b', 'InvalidParameterValue']],
    ])
    const { Messages = [] } = await client.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }))
    const handles = Messages.map((message, index) => ({ Id: `${index}`, ReceiptHandle: message.ReceiptHandle }))
    await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries: handles }))
    expect(s3.server.events.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 })
  })

  s3Test('waits for a message for the requested time', async ({ s3 }) => {
    const { client, QueueUrl } = queueOf(s3)
    const start = performance.now()
    expect((await client.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 }))).Messages).toBeUndefined()
    expect(performance.now() - start).toBeGreaterThan(900)
    const waiting = client.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }))
    await client.send(new ListQueuesCommand({}))
    s3.server.events.send('wake up')
    expect((await waiting).Messages?.[0]?.Body).toBe('wake up')
    // The endpoint closes while a client waits, and the test must not take 20 s.
    void client.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }))
    await client.send(new ListQueuesCommand({}))
  })

  s3Test(
    'makes a message visible again when its visibility timeout is set to zero, and moves dead letters back',
    async ({ s3 }) => {
      const { client, QueueUrl, DeadUrl } = queueOf(s3)
      await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'poison' }))
      for (let time = 1; time <= 5; time++) {
        const { Messages } = await client.send(new ReceiveMessageCommand({ QueueUrl }))
        const ReceiptHandle = Messages?.[0]?.ReceiptHandle
        await client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }))
      }
      expect((await client.send(new ReceiveMessageCommand({ QueueUrl }))).Messages).toBeUndefined()
      const dead = await client.send(
        new ReceiveMessageCommand({ QueueUrl: DeadUrl, VisibilityTimeout: 0, MessageSystemAttributeNames: ['All'] }),
      )
      expect(dead.Messages?.[0]).toMatchObject({
        Body: 'poison',
        Attributes: { DeadLetterQueueSourceArn: 'arn:aws:sqs:us-east-1:000000000000:catalog-events' },
      })
      await client.send(new StartMessageMoveTaskCommand({ SourceArn: 'arn:aws:sqs:us-east-1:000000000000:catalog-events-dead' }))
      expect((await client.send(new ReceiveMessageCommand({ QueueUrl }))).Messages?.[0]?.Body).toBe('poison')
      await client.send(new PurgeQueueCommand({ QueueUrl }))
      expect(s3.server.events.counts()).toEqual({ visible: 0, inFlight: 0, delayed: 0 })
    },
  )

  s3Test('returns the errors of SQS', async ({ s3 }) => {
    const { client, QueueUrl } = queueOf(s3)
    const [name, status] = await failure(client.send(new GetQueueUrlCommand({ QueueName: 'none' })))
    expect([name, status]).toEqual(['QueueDoesNotExist', 400])
    expect(await failure(client.send(new CreateQueueCommand({ QueueName: 'new' })))).toEqual(['UnsupportedOperation', 400])
    expect((await failure(client.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 11 }))))[1]).toBe(400)
    const change = client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle: 'none', VisibilityTimeout: 1 }))
    expect(await failure(change)).toEqual(['MessageNotInflight', 400])
    const anonymous = await fetch(s3.url, { method: 'POST', headers: { 'x-amz-target': 'AmazonSQS.ListQueues' }, body: '{}' })
    expect(anonymous.status).toBe(403)
  })
})
