import * as v from 'valibot'
import type { ReconcileScope } from '../../shared/catalog/reconcile-runs.ts'
import { Invalid } from '../../shared/errors.ts'

/** A run to continue, or what to reconcile. */
export type ReconcileTask = { runId: number } | ReconcileScope

/** The task of an event: what the event names, or the whole bucket when an EventBridge rule sent it. Throws Invalid for anything else. */
export function taskOf(event: unknown, bucket: string): ReconcileTask {
  if (v.is(ruleEvent, event)) return { kind: 'reconcile', bucket }
  if (v.is(runEvent, event)) return event
  const parsed = v.safeParse(scopeEvent, event)
  if (!parsed.success) {
    const reasons = parsed.issues.map(issue => `${v.getDotPath(issue) ?? 'event'}: ${issue.message}`)
    throw new Invalid(`Neither a scheduled event nor { runId } nor { bucket, prefix?, dryRun? }: ${reasons.join('; ')}`)
  }
  const { dryRun, ...scope } = parsed.output
  return { kind: 'reconcile', ...scope, isDryRun: dryRun }
}

const ruleEvent = v.object({ source: v.literal('aws.events'), 'detail-type': v.string() })

const runEvent = v.strictObject({ runId: v.pipe(v.number(), v.integer()) })

const scopeEvent = v.strictObject({
  bucket: v.pipe(v.string(), v.minLength(1)),
  prefix: v.optional(v.string(), ''),
  dryRun: v.optional(v.boolean(), false),
})
