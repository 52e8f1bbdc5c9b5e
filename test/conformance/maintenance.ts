import { DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs'
import { expect } from 'vitest'
import { actionsOf, type ConformanceTest, newWord, type TestInstallation, waitFor } from './fixture.ts'

/** Dead letters and the pruner. */
export function testMaintenance(test: ConformanceTest): void {
  test('a message that can never be indexed ends in the dead-letter queue with its reason', async ({ installation, skip }) => {
    if (!installation.queues) return skip('no queue is named')
    const word = newWord()
    const body = JSON.stringify({ poison: word })
    await installation.queues.sqs.send(new SendMessageCommand({ QueueUrl: installation.queues.source, MessageBody: body }))
    await waitFor(
      installation,
      () => takeDeadLetter(installation, word),
      'Invalid: Neither an S3 notification nor an EventBridge event of S3',
    )
  })

  test('the pruner, invoked and then left to its rule, removes what is older than the retention and nothing else', async ({
    installation,
    skip,
  }) => {
    if (!installation.prune) return skip('no function is named')
    const key = await auditedLongAgo(installation)
    await installation.prune()
    expect(await actionsOf(installation, key)).toEqual(['YOUNG'])
    // Where no rule fires often enough to wait for, that is all.
    if (!installation.pruneEverySeconds) return
    const again = await auditedLongAgo(installation)
    const timeoutSeconds = installation.timeoutSeconds + 2 * installation.pruneEverySeconds
    await waitFor({ timeoutSeconds }, () => actionsOf(installation, again), ['YOUNG'])
  })
}

/** The reason of the dead letter that holds this word, which is taken out of the queue; undefined while there is none. */
async function takeDeadLetter({ queues }: TestInstallation, word: string): Promise<string | undefined> {
  if (!queues) return undefined
  const { Messages = [] } = await queues.sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: queues.dead,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: 1,
      // Letters of others are theirs again soon.
      VisibilityTimeout: 2,
      MessageAttributeNames: ['All'],
    }),
  )
  const letter = Messages.find(({ Body }) => Body?.includes(word))
  if (!letter) return undefined
  await queues.sqs.send(new DeleteMessageCommand({ QueueUrl: queues.dead, ReceiptHandle: letter.ReceiptHandle }))
  return letter.MessageAttributes?.Reason?.StringValue
}

/** Writes one entry that no retention keeps, and one of now. Returns their key. */
async function auditedLongAgo({ api, bucket, prefix }: TestInstallation): Promise<string> {
  const about = { bucket, key: `${prefix}pruned-${newWord()}` }
  const entries = [
    { ...about, action: 'OLD', occurredAt: '1999-12-31T23:59:59Z' },
    { ...about, action: 'YOUNG' },
  ]
  expect(await api.request('POST', '/audit', {}, entries)).toMatchObject({ status: 201 })
  return about.key
}
