/** A typed attribute of a message, as in SQS. Binary values are base64. */
export type MessageAttribute = { DataType: string; StringValue?: string; BinaryValue?: string }

/** One delivery of a message. Times are milliseconds since 1970; the receipt is valid until the message is received again. */
export type ReceivedMessage = {
  messageId: string
  receiptHandle: string
  body: string
  attributes: Record<string, MessageAttribute>
  sentAt: number
  firstReceivedAt: number
  receiveCount: number
  /** The queue that it was moved from, if it is a dead letter. */
  deadFrom?: string
}

/** A message that was read without receiving it. */
export type StoredMessage = Omit<ReceivedMessage, 'receiptHandle' | 'firstReceivedAt'> & {
  visibleAt: number
  state: 'visible' | 'inFlight' | 'delayed'
}

/** A row of the table `message`; times are in ms since 1970. */
export type MessageRow = {
  id: number
  queue: string
  message_id: string
  body: string
  attributes: string
  sent_at: number
  visible_at: number
  first_received_at: number | null
  receive_count: number
  receipt: string | null
  dead_from: string | null
}

/** The table of the messages of all queues of a database. */
export const messageSchema = `
  create table if not exists message (
    id integer primary key autoincrement,
    queue text not null,
    message_id text not null unique,
    body text not null,
    attributes text not null,
    sent_at integer not null,
    visible_at integer not null,
    first_received_at integer,
    receive_count integer not null default 0,
    receipt text unique,
    dead_from text
  ) strict;
  create index if not exists message_by_visibility on message (queue, visible_at, id, receive_count)`

/** Attributes with their types: a plain text is a String. */
export function typedAttributes(attributes: Record<string, string | MessageAttribute>): Record<string, MessageAttribute> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name,
      typeof value === 'string' ? { DataType: 'String', StringValue: value } : value,
    ]),
  )
}

/** The fields of a message that every reader gets. */
export function toStoredFields(row: MessageRow) {
  return {
    messageId: row.message_id,
    body: row.body,
    attributes: JSON.parse(row.attributes) as Record<string, MessageAttribute>,
    sentAt: row.sent_at,
    receiveCount: row.receive_count,
    ...(row.dead_from === null ? {} : { deadFrom: row.dead_from }),
  }
}
