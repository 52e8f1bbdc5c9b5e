import { lookAtQueue, openQueues } from '../connect/queue.ts'
import { npx } from '../connect/where.ts'
import { until } from '../story/until.ts'
import { Failure } from '../terminal/failure.ts'
import { count } from '../terminal/print.ts'
import { type Check, LeftOut, type Visit } from './visit.ts'

/** The queue that events come by, after everything else. */
export const queueChecks: Check[] = [
  { name: 'queue drained', run: drained },
  { name: 'no dead letters', run: noDeadLetters },
]

async function drained({ place }: Visit): Promise<string> {
  const { sqs, source } = await openQueues(known(place))
  if (!source) throw new LeftOut('nobody said which queue: CATALOG_QUEUE_URL')
  await until(
    () => lookAtQueue(sqs, source),
    ({ waiting, inFlight }) =>
      waiting + inFlight === 0 ? undefined : `${count(waiting, 'event')} waiting, ${inFlight} being indexed`,
  )
  return 'no event waits'
}

async function noDeadLetters({ place, flags }: Visit): Promise<string> {
  const { sqs, dead } = await openQueues(known(place))
  const { waiting, inFlight } = await lookAtQueue(sqs, dead)
  if (waiting + inFlight > 0)
    throw new Failure(`${count(waiting + inFlight, 'event')} could not be indexed: ${npx('dead-letters', flags)}`)
  return 'every event was indexed'
}

function known(place: Visit['place']): Visit['place'] {
  if (place.deadLetterQueueUrl || place.s3Url) return place
  throw new LeftOut('nobody said which queue: CATALOG_DEAD_LETTER_QUEUE_URL')
}
