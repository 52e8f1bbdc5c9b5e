import { StartMessageMoveTaskCommand } from '@aws-sdk/client-sqs'
import { type Command, Option } from 'commander'
import { getQueueState, openQueues, type Queues } from '../../connect/queue.ts'
import { addTargetOptions, npxCommand, resolveTarget } from '../../connect/target.ts'
import { discardLetters, withDeadLetters } from '../../dead-letters/letters.ts'
import { type LetterFlags, MAX_PRINTED, printLetters, queueFlags } from '../../dead-letters/print-letters.ts'
import { CliError } from '../../terminal/cli-error.ts'
import { formatCount, printableJson, printLine, printNext } from '../../terminal/print.ts'
import { onStopSignal } from '../../terminal/signals.ts'

/** `catalog dead-letters`: lists the events that could not be indexed, with reasons, moves them back to the queue, or discards them. */
export function addDeadLetters(program: Command): void {
  const command = program
    .command('dead-letters')
    .description(
      'list the events that could not be indexed, with their reasons; move them back to be indexed again, or discard them',
    )
    .option('--all', `print all of them, not only ${MAX_PRINTED}; with --bucket only those of that bucket`)
    .addOption(new Option('--redrive', 'move all of them back to the event queue').conflicts(['all', 'bucket', 'discard']))
    .option('--discard', 'delete them for good, with --bucket only those of that bucket; needs --yes')
    .option('--yes', 'confirm --discard')
    .option('--queue <url>', 'the dead-letter queue (CATALOG_DEAD_LETTER_QUEUE_URL)')
    .option('--source <url>', 'the event queue (CATALOG_QUEUE_URL)')
    .option('--json', 'print all of them as JSON')
    .addHelpText(
      'after',
      `
Examples:
  npx catalog dead-letters
  npx catalog dead-letters --redrive
  npx catalog dead-letters --bucket deleted-bucket --discard --yes
`,
    )
    .action(deadLetters)
  addTargetOptions(command)
}

type Flags = LetterFlags & { redrive?: boolean; discard?: boolean; yes?: boolean }

async function deadLetters(flags: Flags): Promise<void> {
  const target = resolveTarget(flags)
  const queues = await openQueues({
    ...target,
    deadLetterQueueUrl: flags.queue ?? target.deadLetterQueueUrl,
    queueUrl: flags.source ?? target.queueUrl,
  })
  if (flags.redrive) return redrive(queues, flags)
  const signals = onStopSignal(() => undefined)
  try {
    await withDeadLetters(queues, signals.signal, async held => {
      const chosen = held.filter(({ letter }) => flags.bucket === undefined || letter.bucket === flags.bucket)
      const letters = chosen.map(({ letter }) => letter)
      if (!flags.discard) return flags.json ? printLine(printableJson(letters, 2)) : printLetters(letters, flags)
      if (chosen.length === 0) return printLine('No dead letters to discard.')
      if (!flags.yes)
        throw new CliError(`This deletes ${formatCount(chosen.length, 'dead letter')} for good: add --yes to confirm`)
      await discardLetters(queues, chosen)
      printLine(`${formatCount(chosen.length, 'dead letter')} discarded. A reconcile finds the changes that they were about.`)
      printNext(npxCommand('reconcile', flags))
    })
  } finally {
    signals.release()
  }
}

async function redrive({ sqs, sourceUrl: source, deadLetterUrl: dead }: Queues, flags: Flags): Promise<void> {
  const { arn, waiting } = await getQueueState(sqs, dead)
  if (waiting === 0) return printLine('No dead letters to move.')
  // The indexer sends most dead letters itself, so SQS does not know their source queue.
  const DestinationArn = source ? (await getQueueState(sqs, source)).arn : undefined
  await sqs.send(new StartMessageMoveTaskCommand({ SourceArn: arn, DestinationArn }))
  printLine(`${formatCount(waiting, 'dead letter')} moving back to the queue.`)
  printNext(npxCommand(`dead-letters${queueFlags(flags)}`, flags))
}
