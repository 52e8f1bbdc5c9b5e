import { DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs'
import { expect } from 'vitest'
import { actionsOf, type ConformanceTest, eventually, newWord, type Scene } from './scene.ts'

/** Dead letters and the pruner. */
export function tellUpkeep(test: ConformanceTest): void {
  test('a message that can never be indexed ends in the dead-letter queue with its reason', async ({ scene, skip }) => {
    if (!scene.queues) return skip('no queue is named')
    const word = newWord()
    const body = JSON.stringify({ poison: word })
    await scene.queues.sqs.send(new SendMessageCommand({ QueueUrl: scene.queues.source, MessageBody: body }))
    await eventually(
      scene,
      () => takeDeadLetter(scene, word),
      'Invalid: Neither an S3 notification nor an EventBridge event of S3',
    )
  })

  test('the pruner, invoked and then left to its rule, removes what is older than the retention and nothing else', async ({
    scene,
    skip,
  }) => {
    if (!scene.prune) return skip('no function is named')
    const key = await auditedLongAgo(scene)
    await scene.prune()
    expect(await actionsOf(scene, key)).toEqual(['YOUNG'])
    // Where no rule fires often enough to wait for, that is all.
    if (!scene.pruneEverySeconds) return
    const again = await auditedLongAgo(scene)
    const patience = scene.patience + 2 * scene.pruneEverySeconds
    await eventually({ patience }, () => actionsOf(scene, again), ['YOUNG'])
  })
}

/** The reason of the dead letter that holds this word, which is taken out of the queue; undefined while there is none. */
async function takeDeadLetter({ queues }: Scene, word: string): Promise<string | undefined> {
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

/** Writes one entry that no retention keeps, and one of now; answers the key that they are about. */
async function auditedLongAgo({ api, bucket, prefix }: Scene): Promise<string> {
  const about = { bucket, key: `${prefix}pruned-${newWord()}` }
  const entries = [
    { ...about, action: 'OLD', occurredAt: '1999-12-31T23:59:59Z' },
    { ...about, action: 'YOUNG' },
  ]
  expect(await api.ask('POST', '/audit', {}, entries)).toMatchObject({ status: 201 })
  return about.key
}
