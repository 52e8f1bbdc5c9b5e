import * as v from 'valibot'
import type { ReconcileScope } from '../../shared/catalog/reconcile-runs.ts'
import { Invalid } from '../../shared/errors.ts'

/** What is to be compared; `runId` continues that run, and does nothing once it is finished. */
export type ReconcileTask = ReconcileScope & { runId?: number }

/** The task of an event: what the event names, or the whole bucket when an EventBridge rule sent it. Throws Invalid for anything else. */
export function taskOf(event: unknown, bucket: string): ReconcileTask {
  if (v.is(ruleEvent, event)) return { bucket }
  const parsed = v.safeParse(taskEvent, event)
  if (!parsed.success) {
    const reasons = parsed.issues.map(issue => `${v.getDotPath(issue) ?? 'event'}: ${issue.message}`)
    throw new Invalid(`Neither a scheduled event nor { bucket, prefix?, dryRun?, runId? }: ${reasons.join('; ')}`)
  }
  const { dryRun, ...task } = parsed.output
  return { ...task, isDryRun: dryRun }
}

/** The event of a task. */
export function eventOf({ bucket, prefix, isDryRun, runId }: ReconcileTask): unknown {
  return { bucket, prefix, dryRun: isDryRun, runId }
}

const ruleEvent = v.object({ source: v.literal('aws.events'), 'detail-type': v.string() })

const taskEvent = v.strictObject({
  bucket: v.pipe(v.string(), v.minLength(1)),
  prefix: v.optional(v.string(), ''),
  dryRun: v.optional(v.boolean(), false),
  runId: v.optional(v.pipe(v.number(), v.integer())),
})
