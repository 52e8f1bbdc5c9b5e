import * as v from 'valibot'
import { Invalid } from '../errors.ts'
import { parseEventBridge } from './eventbridge.ts'
import { parseNotification } from './notification.ts'
import type { ObjectEvent } from './object-event.ts'

/**
 * Returns the records of a message body: an S3 notification has any number (none for `s3:TestEvent`), an EventBridge event is one. Each is
 * parsed on its own by `parseRecord`. Throws Invalid for any other body.
 */
export function recordsOf(body: string): unknown[] {
  const message = parse(body)
  if ('Records' in message && Array.isArray(message.Records)) return message.Records
  if (message.Event === 's3:TestEvent') return []
  if ('detail-type' in message) return [message]
  throw new Invalid('Neither an S3 notification nor an EventBridge event of S3')
}

/** Parses a record, by whichever transport it came; the event no longer says which. Throws Invalid with the reason. */
export function parseRecord(record: unknown): ObjectEvent {
  const isBridge = typeof record === 'object' && record !== null && 'detail-type' in record
  return isBridge ? parseEventBridge(record) : parseNotification(record)
}

function parse(body: string): Record<string, unknown> {
  try {
    return v.parse(v.record(v.string(), v.unknown()), JSON.parse(body))
  } catch {
    throw new Invalid('The message is not a JSON object')
  }
}
