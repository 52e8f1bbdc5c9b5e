import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs'
import { Invalid } from '../../shared/errors.ts'
import { parseRecord, recordsOf } from '../../shared/ingest/events.ts'
import { getQueueState, type Queues } from '../connect/queue.ts'
import { CliError } from '../terminal/cli-error.ts'

/** A dead letter; `event`, `bucket` and `key` are those of its first record, null if they can't be read. */
export type DeadLetter = {
  messageId: string
  sentAt: string | null
  event: string | null
  bucket: string | null
  key: string | null
  reason: string
  body: string
}

/** A dead letter that is hidden from other readers. */
export type HeldLetter = { letter: DeadLetter; receiptHandle: string }

/** Letters are hidden from others while they are read, then made visible again. A command that is killed leaves them hidden for so long. */
const VISIBILITY_TIMEOUT_SECONDS = 300

/** Reads of an empty page before the queue counts as read: AWS may return none although there are some. */
const EMPTY_READS = 3

/**
 * Reads all dead letters and calls `use` with them; those that it does not delete are visible again afterwards. When `signal` is aborted,
 * it stops reading and throws CliError.
 */
export async function withDeadLetters<T>(
  queues: Queues,
  signal: AbortSignal,
  use: (held: HeldLetter[]) => Promise<T>,
): Promise<T> {
  const held = new Map<string, HeldLetter>()
  try {
    await readAll(queues, signal, held)
    if (signal.aborted) throw new CliError('Stopped', { exitCode: 130 })
    return await use([...held.values()])
  } finally {
    await inBatches([...held.values()], Entries =>
      queues.sqs.send(
        new ChangeMessageVisibilityBatchCommand({
          QueueUrl: queues.deadLetterUrl,
          Entries: Entries.map(entry => ({ ...entry, VisibilityTimeout: 0 })),
        }),
      ),
    )
  }
}

/** Deletes dead letters for good. */
export async function discardLetters({ sqs, deadLetterUrl: QueueUrl }: Queues, held: HeldLetter[]): Promise<void> {
  const failed = await inBatches(held, Entries => sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries })))
  if (failed > 0) throw new CliError(`${failed} of ${held.length} dead letters were not discarded: run the same command again`)
}

async function readAll({ sqs, deadLetterUrl }: Queues, signal: AbortSignal, held: Map<string, HeldLetter>): Promise<void> {
  const { waiting } = await getQueueState(sqs, deadLetterUrl)
  for (let empty = 0; empty < EMPTY_READS && !signal.aborted; ) {
    const command = new ReceiveMessageCommand({
      QueueUrl: deadLetterUrl,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: VISIBILITY_TIMEOUT_SECONDS,
      // Long polling: without it SQS reads only some of its servers.
      WaitTimeSeconds: held.size < waiting ? 1 : 0,
      MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['All'],
    })
    const { Messages = [] } = await sqs.send(command)
    for (const message of Messages) {
      const letter = toDeadLetter(message)
      held.set(letter.messageId, { letter, receiptHandle: message.ReceiptHandle ?? '' })
    }
    empty = Messages.length === 0 ? empty + 1 : 0
  }
}

/** Sends a request for ten letters at a time. Returns how many entries failed. */
async function inBatches(
  held: HeldLetter[],
  send: (entries: { Id: string; ReceiptHandle: string }[]) => Promise<{ Failed?: unknown[] }>,
): Promise<number> {
  let failed = 0
  for (let n = 0; n < held.length; n += 10) {
    const entries = held.slice(n, n + 10).map(({ receiptHandle }, k) => ({ Id: String(k), ReceiptHandle: receiptHandle }))
    failed += (await send(entries)).Failed?.length ?? 0
  }
  return failed
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

function describeEvent(body: string): Pick<DeadLetter, 'event' | 'bucket' | 'key'> {
  try {
    const { name, bucket, key } = parseRecord(recordsOf(body)[0])
    return { event: name, bucket, key }
  } catch (error) {
    // Many are dead letters because they can't be parsed.
    if (error instanceof Invalid) return { event: null, bucket: bucketNamedIn(body), key: null }
    throw error
  }
}

/** The bucket of an event that can't be indexed, in the form of S3 or of EventBridge. */
function bucketNamedIn(body: string): string | null {
  const [, name] = /"bucket"\s*:\s*\{[^{}]*?"name"\s*:\s*"([^"\\]+)"/.exec(body) ?? []
  return name ?? null
}
