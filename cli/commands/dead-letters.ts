import {
  ChangeMessageVisibilityCommand,
  type Message,
  ReceiveMessageCommand,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs'
import type { Command } from 'commander'
import { Invalid } from '../../shared/errors.ts'
import { parseRecord, recordsOf } from '../../shared/ingest/events.ts'
import { lookAtQueue, openQueues, type Queues } from '../connect/queue.ts'
import { findPlace, npx, type PlaceFlags, withPlace } from '../connect/where.ts'
import { count, humanTime, next, printable, printableJson, quoted, say } from '../terminal/print.ts'
import { formatTable } from '../terminal/table.ts'

/** `catalog dead-letters`: the events that could not be indexed, why, and how to have them tried again. */
export function addDeadLetters(program: Command): void {
  const command = program
    .command('dead-letters')
    .description('list the events that could not be indexed, with their reasons, or send them back to be tried again')
    .option('--redrive', 'send all of them back')
    .option('--queue <url>', 'the dead-letter queue (CATALOG_DEAD_LETTER_QUEUE_URL)')
    .option('--source <url>', 'the queue to send back to (CATALOG_QUEUE_URL)')
    .option('--json', 'as JSON')
    .action(deadLetters)
  withPlace(command)
}

type Flags = PlaceFlags & { redrive?: boolean; queue?: string; source?: string; json?: boolean }

async function deadLetters(flags: Flags): Promise<void> {
  const place = findPlace(flags)
  const queues = await openQueues({
    ...place,
    deadLetterQueueUrl: flags.queue ?? place.deadLetterQueueUrl,
    queueUrl: flags.source ?? place.queueUrl,
  })
  if (flags.redrive) return redrive(queues, flags)
  const { letters, isCut } = await readLetters(queues)
  if (flags.json) return say(printableJson(letters, 2))
  if (letters.length === 0) return say('No dead letters: every event that came was indexed.')
  say(formatTable(letters, columns))
  if (isCut) say(`There are more than these ${letters.length}.`)
  next(npx(`dead-letters --redrive${queuesOf(flags)}`, flags))
}

/** A message that died: `event` and `key` are those of its first record, if it can be read. */
type Letter = { messageId: string; sentAt: string | null; event: string | null; key: string | null; reason: string; body: string }

const columns = [
  { heading: 'When', text: ({ sentAt }: Letter) => (sentAt ? humanTime(sentAt) : '') },
  { heading: 'Event', text: ({ event }: Letter) => printable(event ?? 'unreadable') },
  { heading: 'Key', text: ({ key }: Letter) => printable(key ?? '') },
  { heading: 'Reason', text: ({ reason }: Letter) => printable(reason), wide: true },
]

async function redrive({ sqs, source, dead }: Queues, flags: Flags): Promise<void> {
  const { arn, waiting } = await lookAtQueue(sqs, dead)
  if (waiting === 0) return say('No dead letters to send back.')
  // The indexer sends most dead letters itself: only a destination tells SQS where those came from.
  const DestinationArn = source ? (await lookAtQueue(sqs, source)).arn : undefined
  await sqs.send(new StartMessageMoveTaskCommand({ SourceArn: arn, DestinationArn }))
  say(`${count(waiting, 'dead letter')} on the way back.`)
  next(npx(`dead-letters${queuesOf(flags)}`, flags))
}

function queuesOf({ queue, source }: Flags): string {
  return `${queue ? ` --queue ${quoted(queue)}` : ''}${source ? ` --source ${quoted(source)}` : ''}`
}

/** Letters that a person reads at once, or a program. */
const MOST_LETTERS = 1000

/** Seconds in which nobody else sees what is being read; after reading it is given back. */
const READING_SECONDS = 60

async function readLetters({ sqs, dead }: Queues): Promise<{ letters: Letter[]; isCut: boolean }> {
  const read: Message[] = []
  try {
    while (read.length < MOST_LETTERS) {
      const command = new ReceiveMessageCommand({
        QueueUrl: dead,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: READING_SECONDS,
        // Without waiting AWS asks some of its servers only.
        WaitTimeSeconds: 1,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['All'],
      })
      const { Messages = [] } = await sqs.send(command)
      if (Messages.length === 0) break
      read.push(...Messages)
    }
  } finally {
    for (const { ReceiptHandle } of read) {
      await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl: dead, ReceiptHandle, VisibilityTimeout: 0 }))
    }
  }
  return { letters: read.map(toLetter), isCut: read.length >= MOST_LETTERS }
}

function toLetter({ MessageId = '', Body = '', Attributes, MessageAttributes }: Message): Letter {
  const sent = Number(Attributes?.SentTimestamp)
  return {
    messageId: MessageId,
    sentAt: Number.isNaN(sent) ? null : new Date(sent).toISOString(),
    ...named(Body),
    reason: MessageAttributes?.Reason?.StringValue ?? 'it was received too often',
    body: Body,
  }
}

function named(body: string): { event: string | null; key: string | null } {
  try {
    const { name, key } = parseRecord(recordsOf(body)[0])
    return { event: name, key }
  } catch (error) {
    // Being unreadable is what many of them died of.
    if (error instanceof Invalid) return { event: null, key: null }
    throw error
  }
}
