import { getQueueState, openQueues } from '../connect/queue.ts'
import { npxCommand } from '../connect/target.ts'
import { CliError } from '../terminal/cli-error.ts'
import { formatCount } from '../terminal/print.ts'
import { pollUntil } from '../walkthrough/poll.ts'
import { type Check, type CheckContext, CheckSkipped } from './check.ts'

/** The event queue and its dead letters. Run after the checks that cause events. */
export const queueChecks: Check[] = [
  { name: 'queue drained', run: checkDrained },
  { name: 'no dead letters', run: checkDeadLetters },
]

async function checkDrained({ target }: CheckContext): Promise<string> {
  const { sqs, sourceUrl: source } = await openQueues(requireQueue(target))
  if (!source) throw new CheckSkipped('no queue given: set CATALOG_QUEUE_URL')
  await pollUntil(
    () => getQueueState(sqs, source),
    ({ waiting, inFlight }) =>
      waiting + inFlight === 0 ? undefined : `${formatCount(waiting, 'event')} waiting, ${inFlight} being indexed`,
  )
  return 'no event is waiting'
}

async function checkDeadLetters({ target, flags }: CheckContext): Promise<string> {
  const { sqs, deadLetterUrl: dead } = await openQueues(requireQueue(target))
  const { waiting, inFlight } = await getQueueState(sqs, dead)
  if (waiting + inFlight > 0)
    throw new CliError(`${formatCount(waiting + inFlight, 'event')} could not be indexed: ${npxCommand('dead-letters', flags)}`)
  return 'every event was indexed'
}

function requireQueue(target: CheckContext['target']): CheckContext['target'] {
  if (target.deadLetterQueueUrl || target.s3Url) return target
  throw new CheckSkipped('no queue given: set CATALOG_DEAD_LETTER_QUEUE_URL')
}
