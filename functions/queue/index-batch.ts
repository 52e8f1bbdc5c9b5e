import type { S3Client } from '@aws-sdk/client-s3'
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import type { Sql } from '../../shared/database/connection.ts'
import { isConflict, isDataError } from '../../shared/database/sql-state.ts'
import { Invalid } from '../../shared/errors.ts'
import { parseRecord, recordsOf } from '../../shared/ingest/events.ts'
import { ingest } from '../../shared/ingest/ingest.ts'
import type { ObjectEvent } from '../../shared/ingest/object-event.ts'
import type { Measure } from '../runtime/metrics.ts'
import type { SendDeadLetter } from './dead-letter.ts'
import { type Failure, type FailureEntry, failureEntries } from './failure-entries.ts'

/** What the indexer uses. After `maxReceives` deliveries a message goes to the dead-letter queue with its reason. */
export type IndexerDependencies = {
  sql: Sql
  s3: S3Client
  sendDeadLetter: SendDeadLetter
  maxReceives: number
  measure?: Measure
  /** Receives one entry for each reason why records of a batch are not indexed yet. */
  log?: (entry: FailureEntry) => void
}

/**
 * The indexer: writes SQS batches of S3 events into the catalog. A record that can never be indexed goes to the dead-letter queue alone,
 * with its reason. One that may be indexed later fails its message, which SQS delivers again. The rest of the batch is committed.
 */
export function indexer(dependencies: IndexerDependencies): (event: SQSEvent) => Promise<SQSBatchResponse> {
  return async ({ Records: messages }) => {
    const items = messages.flatMap(readMessage)
    const events = items.flatMap(item => ('event' in item ? [item.event] : []))
    const reasons = new Map<ObjectEvent, unknown>()
    await ingestApart(dependencies, events, reasons)

    const progress = progressOf(events.filter(event => !reasons.has(event)))
    const retried: Failure[] = []
    let deadLettered = 0
    for (const item of items) {
      const reason = 'event' in item ? reasons.get(item.event) : item.error
      if (reason === undefined) continue
      const isFinal = isPermanent(reason) || Number(item.message.attributes.ApproximateReceiveCount) >= dependencies.maxReceives
      if (isFinal && (await dependencies.sendDeadLetter(item.body, String(reason), item.message))) {
        deadLettered++
        continue
      }
      retried.push({ message: item.message, key: 'event' in item ? item.event : undefined, error: reason })
    }
    for (const entry of failureEntries(retried)) (dependencies.log ?? logJson)(entry)
    dependencies.measure?.({ ...progress, RecordsDeadLettered: deadLettered })
    const failed = new Set(retried.map(({ message }) => message.messageId))
    return { batchItemFailures: [...failed].map(itemIdentifier => ({ itemIdentifier })) }
  }
}

/** One record of a message; `body` is a message with only this record. */
type Item = { message: SQSRecord; body: string } & ({ event: ObjectEvent } | { error: unknown })

function readMessage(message: SQSRecord): Item[] {
  const records = attempt(() => recordsOf(message.body))
  if ('error' in records) return [{ message, body: message.body, ...records }]
  return records.value.map(record => {
    const event = attempt(() => parseRecord(record))
    const body = records.value.length === 1 ? message.body : JSON.stringify({ Records: [record] })
    return { message, body, ...('error' in event ? event : { event: event.value }) }
  })
}

/** Ingests events together. When Postgres refuses one of them, the batch is halved until that event fails alone. */
async function ingestApart(
  dependencies: IndexerDependencies,
  events: ObjectEvent[],
  reasons: Map<ObjectEvent, unknown>,
): Promise<void> {
  if (events.length === 0) return
  try {
    for (const { event, error } of await ingestOrRetry(dependencies, events)) reasons.set(event, error)
  } catch (error) {
    if (!isDataError(error) || events.length === 1) {
      for (const event of events) reasons.set(event, error)
      return
    }
    const middle = events.length >> 1
    await ingestApart(dependencies, events.slice(0, middle), reasons)
    await ingestApart(dependencies, events.slice(middle), reasons)
  }
}

/** Ingests events; after a conflict with another writer once more, at most three times, because the next attempt sees what that one wrote. */
async function ingestOrRetry({ sql, s3 }: IndexerDependencies, events: ObjectEvent[]) {
  for (let tries = 1; ; tries++) {
    try {
      return await ingest(sql, s3, events)
    } catch (error) {
      if (tries === 3 || !isConflict(error)) throw error
    }
  }
}

/** Metrics of a batch. The lag is that of the oldest event. */
function progressOf(indexed: ObjectEvent[]) {
  if (indexed.length === 0) return { RecordsIndexed: 0 }
  const oldest = indexed.reduce((oldest, { occurredAt }) => Math.min(oldest, occurredAt.getTime()), Date.now())
  return { RecordsIndexed: indexed.length, EventLag: (Date.now() - oldest) / 1000 }
}

function isPermanent(reason: unknown): boolean {
  return reason instanceof Invalid || isDataError(reason)
}

function attempt<T>(act: () => T): { value: T } | { error: unknown } {
  try {
    return { value: act() }
  } catch (error) {
    return { error }
  }
}

function logJson(entry: FailureEntry): void {
  console.error(JSON.stringify(entry))
}
