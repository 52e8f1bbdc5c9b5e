import {
  ChangeMessageVisibilityCommand,
  type Message,
  ReceiveMessageCommand,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs'
import type { Command } from 'commander'
import { Invalid } from '../../shared/errors.ts'
import { parseRecord, recordsOf } from '../../shared/ingest/events.ts'
import { getQueueState, openQueues, type Queues } from '../connect/queue.ts'
import { addTargetOptions, npxCommand, resolveTarget, type TargetFlags } from '../connect/target.ts'
import { formatCount, formatTime, printable, printableJson, printLine, printNext, shellQuote } from '../terminal/print.ts'
import { formatTable } from '../terminal/table.ts'

/** `catalog dead-letters`: lists the events that could not be indexed, with reasons, or moves them back to the queue. */
export function addDeadLetters(program: Command): void {
  const command = program
    .command('dead-letters')
    .description('list the events that could not be indexed, with their reasons, or move them back to be indexed again')
    .option('--redrive', 'move all of them back to the event queue')
    .option('--queue <url>', 'the dead-letter queue (CATALOG_DEAD_LETTER_QUEUE_URL)')
    .option('--source <url>', 'the event queue (CATALOG_QUEUE_URL)')
    .option('--json', 'print JSON')
    .action(deadLetters)
  addTargetOptions(command)
}

type Flags = TargetFlags & { redrive?: boolean; queue?: string; source?: string; json?: boolean }

async function deadLetters(flags: Flags): Promise<void> {
  const target = resolveTarget(flags)
  const queues = await openQueues({
    ...target,
    deadLetterQueueUrl: flags.queue ?? target.deadLetterQueueUrl,
    queueUrl: flags.source ?? target.queueUrl,
  })
  if (flags.redrive) return redrive(queues, flags)
  const { letters, isCut: isTruncated } = await readDeadLetters(queues)
  if (flags.json) return printLine(printableJson(letters, 2))
  if (letters.length === 0) return printLine('No dead letters: every event was indexed.')
  printLine(formatTable(letters, columns))
  if (isTruncated) printLine(`Only the first ${letters.length} are shown.`)
  printNext(npxCommand(`dead-letters --redrive${queueFlags(flags)}`, flags))
}

/** A dead letter; `event` and `key` are those of its first record, null if it can't be parsed. */
type DeadLetter = {
  messageId: string
  sentAt: string | null
  event: string | null
  key: string | null
  reason: string
  body: string
}

const columns = [
  { heading: 'When', text: ({ sentAt }: DeadLetter) => (sentAt ? formatTime(sentAt) : '') },
  { heading: 'Event', text: ({ event }: DeadLetter) => printable(event ?? 'unreadable') },
  { heading: 'Key', text: ({ key }: DeadLetter) => printable(key ?? ''), share: 2 },
  { heading: 'Reason', text: ({ reason }: DeadLetter) => printable(reason), share: 2 },
]

async function redrive({ sqs, sourceUrl: source, deadLetterUrl: dead }: Queues, flags: Flags): Promise<void> {
  const { arn, waiting } = await getQueueState(sqs, dead)
  if (waiting === 0) return printLine('No dead letters to move.')
  // The indexer sends most dead letters itself, so SQS does not know their source queue.
  const DestinationArn = source ? (await getQueueState(sqs, source)).arn : undefined
  await sqs.send(new StartMessageMoveTaskCommand({ SourceArn: arn, DestinationArn }))
  printLine(`${formatCount(waiting, 'dead letter')} moving back to the queue.`)
  printNext(npxCommand(`dead-letters${queueFlags(flags)}`, flags))
}

function queueFlags({ queue, source }: Flags): string {
  return `${queue ? ` --queue ${shellQuote(queue)}` : ''}${source ? ` --source ${shellQuote(source)}` : ''}`
}

/** Most letters that one command reads. */
const MAX_LETTERS = 1000

/** Letters are hidden from others while they are read, then made visible again. */
const VISIBILITY_TIMEOUT_SECONDS = 60

async function readDeadLetters({ sqs, deadLetterUrl: dead }: Queues): Promise<{ letters: DeadLetter[]; isCut: boolean }> {
  const read: Message[] = []
  try {
    while (read.length < MAX_LETTERS) {
      const command = new ReceiveMessageCommand({
        QueueUrl: dead,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: VISIBILITY_TIMEOUT_SECONDS,
        // Long polling: without it SQS reads only some of its servers.
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
  return { letters: read.map(toDeadLetter), isCut: read.length >= MAX_LETTERS }
}

function toDeadLetter({ MessageId = '', Body = '', Attributes, MessageAttributes }: Message): DeadLetter {
  const sent = Number(Attributes?.SentTimestamp)
  return {
    messageId: MessageId,
    sentAt: Number.isNaN(sent) ? null : new Date(sent).toISOString(),
    ...describeEvent(Body),
    reason: MessageAttributes?.Reason?.StringValue ?? 'received too many times',
    body: Body,
  }
}

function describeEvent(body: string): { event: string | null; key: string | null } {
  try {
    const { name, key } = parseRecord(recordsOf(body)[0])
    return { event: name, key }
  } catch (error) {
    // Many are dead letters because they can't be parsed.
    if (error instanceof Invalid) return { event: null, key: null }
    throw error
  }
}
