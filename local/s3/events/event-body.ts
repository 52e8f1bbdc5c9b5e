import type { S3Event } from 'aws-lambda'
import type { Change } from '../store/change.ts'
import { type EventBridgeBody, eventBridgeEvent } from './eventbridge.ts'
import { s3Notification } from './notification.ts'
import type { SequencerForm } from './sequencer.ts'

/** The body of a message in SQS: an S3 notification with one record, or an EventBridge event. */
export type EventBody = S3Event | EventBridgeBody

/** The two ways in which AWS sends events, each with its own shape. */
export type Transport = 'notification' | 'eventbridge'

/** Writes a change as AWS would send it. */
export function toEventBody(change: Change, form: { sequencer: SequencerForm; transport: Transport }): EventBody {
  return form.transport === 'notification' ? s3Notification(change, form.sequencer) : eventBridgeEvent(change, form.sequencer)
}
