import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import type { DatabaseSync } from 'node:sqlite'
import { transaction } from '../sqlite.ts'
import {
  type MessageAttribute,
  type MessageRow,
  messageSchema,
  type ReceivedMessage,
  type StoredMessage,
  toStoredFields,
  typedAttributes,
} from './messages.ts'

/** The visibility timeout in seconds, and after how many receives a message moves to which dead-letter queue of this database. */
export type QueueOptions = {
  visibilitySeconds?: number
  maxReceiveCount?: number
  deadLetterQueue?: string
  clock?: () => number
}

/** A durable queue with the guarantees of a standard SQS queue: at-least-once delivery, no guaranteed order, receive counts, redrive. */
export type Queue = {
  name: string
  options: { visibilitySeconds: number; maxReceiveCount: number; deadLetterQueue?: string }
  /** Stores a message and returns its id. Joins the open transaction of the database, if any. */
  send(body: string, attributes?: Record<string, string | MessageAttribute>, delaySeconds?: number): string
  /** Receives up to `max` visible messages and hides them. Messages received too often move to the dead-letter queue instead. */
  receive(max: number, visibilitySeconds?: number): ReceivedMessage[]
  /** Deletes received messages. A receipt that is no longer valid deletes nothing. */
  delete(receiptHandles: string | string[]): void
  /** Makes a received message visible again in that many seconds; false when the receipt is no longer valid. */
  changeVisibility(receiptHandle: string, seconds: number): boolean
  counts(): { visible: number; inFlight: number; delayed: number }
  /** The oldest messages, without receiving them; at most `limit`, 100 by default. */
  messages(limit?: number): StoredMessage[]
  /** Milliseconds until the next message becomes visible (0: one is), undefined for an empty queue. */
  untilVisible(): number | undefined
  /** Moves messages back to their source queue, or to the given queue. Returns how many. */
  redrive(destination?: string): number
  purge(): void
  /** Makes every in-flight message visible, for when its receiver is known to have died. Returns how many. */
  release(): number
  /** Calls the listener soon after this process has sent a message to this queue. Returns a function that stops it. */
  onMessage(listener: () => void): () => void
}

/** Opens a queue in the database and creates it if needed. Several queues and other tables may share one database. */
export function openQueue(db: DatabaseSync, name: string, given: QueueOptions = {}): Queue {
  db.exec(messageSchema)
  const sql = db.createTagStore()
  const emitter = emitterOf(db)
  const now = given.clock ?? Date.now
  const options = {
    visibilitySeconds: given.visibilitySeconds ?? 60,
    maxReceiveCount: given.maxReceiveCount ?? 5,
    deadLetterQueue: given.deadLetterQueue,
  }

  // Listeners run after the current synchronous work, so after the transaction that sends.
  const notify = (queue: string) => queueMicrotask(() => emitter.emit(queue))

  const move = (id: number, destination: string, deadFrom: string | null) => {
    sql.run`
      update message
      set queue = ${destination}, dead_from = ${deadFrom}, receive_count = 0, receipt = null, visible_at = ${now()}
      where id = ${id}`
    notify(destination)
  }

  const take = (id: number, visibleAt: number): ReceivedMessage => {
    const row = sql.get`
      update message
      set receive_count = receive_count + 1,
          first_received_at = coalesce(first_received_at, ${now()}),
          receipt = ${randomUUID()},
          visible_at = ${visibleAt}
      where id = ${id}
      returning *` as MessageRow
    return { ...toStoredFields(row), receiptHandle: row.receipt!, firstReceivedAt: row.first_received_at! }
  }

  return {
    name,
    options,
    send(body, attributes = {}, delaySeconds = 0) {
      const messageId = randomUUID()
      const at = now()
      sql.run`
        insert into message (queue, message_id, body, attributes, sent_at, visible_at)
        values (${name}, ${messageId}, ${body}, ${JSON.stringify(typedAttributes(attributes))}, ${at}, ${at + delaySeconds * 1000})`
      notify(name)
      return messageId
    },
    receive(max, visibilitySeconds = options.visibilitySeconds) {
      return transaction(db, () => {
        for (;;) {
          const due = sql.all`
            select id, receive_count
            from message
            where queue = ${name} and visible_at <= ${now()}
            order by visible_at, id
            limit ${max}` as Pick<MessageRow, 'id' | 'receive_count'>[]
          const { deadLetterQueue, maxReceiveCount } = options
          const dead = deadLetterQueue ? due.filter(message => message.receive_count >= maxReceiveCount) : []
          if (dead.length === 0) return due.map(message => take(message.id, now() + visibilitySeconds * 1000))
          for (const message of dead) move(message.id, deadLetterQueue!, name)
        }
      })
    },
    delete(receiptHandles) {
      transaction(db, () => {
        for (const receipt of [receiptHandles].flat()) sql.run`delete from message where queue = ${name} and receipt = ${receipt}`
      })
    },
    changeVisibility(receiptHandle, seconds) {
      const at = now()
      const changed = sql.run`
        update message
        set visible_at = ${at + seconds * 1000}
        where queue = ${name} and receipt = ${receiptHandle} and visible_at > ${at}`
      if (seconds === 0) notify(name)
      return changed.changes === 1
    },
    counts() {
      const at = now()
      return {
        ...(sql.get`
          select
            count(*) filter (where visible_at <= ${at}) as visible,
            count(*) filter (where visible_at > ${at} and receive_count > 0) as inFlight,
            count(*) filter (where visible_at > ${at} and receive_count = 0) as delayed
          from message
          where queue = ${name}` as { visible: number; inFlight: number; delayed: number }),
      }
    },
    messages(limit = 100) {
      const at = now()
      const rows = sql.all`select * from message where queue = ${name} order by id limit ${limit}` as MessageRow[]
      return rows.map(row => ({
        ...toStoredFields(row),
        visibleAt: row.visible_at,
        state: row.visible_at <= at ? 'visible' : row.receive_count > 0 ? 'inFlight' : 'delayed',
      }))
    },
    untilVisible() {
      const row = sql.get`select min(visible_at) as at from message where queue = ${name}` as { at: number | null }
      return row.at === null ? undefined : Math.max(0, row.at - now())
    },
    redrive(destination) {
      return transaction(db, () => {
        const rows = sql.all`
          select id, dead_from
          from message
          where queue = ${name} and (dead_from is not null or ${destination ?? null} is not null)
          order by id` as Pick<MessageRow, 'id' | 'dead_from'>[]
        for (const row of rows) move(row.id, destination ?? row.dead_from!, null)
        return rows.length
      })
    },
    release() {
      const released = sql.run`
        update message
        set receipt = null, visible_at = ${now()}
        where queue = ${name} and receipt is not null and visible_at > ${now()}`
      notify(name)
      return Number(released.changes)
    },
    purge() {
      sql.run`delete from message where queue = ${name}`
    },
    onMessage(listener) {
      emitter.on(name, listener)
      return () => emitter.off(name, listener)
    },
  }
}

const emitters = new WeakMap<DatabaseSync, EventEmitter>()

function emitterOf(db: DatabaseSync): EventEmitter {
  const emitter = emitters.get(db) ?? new EventEmitter().setMaxListeners(0)
  emitters.set(db, emitter)
  return emitter
}
