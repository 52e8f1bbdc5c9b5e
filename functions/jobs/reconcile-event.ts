import * as v from 'valibot'
import type { ReconcileScope } from '../../shared/catalog/reconcile-runs.ts'
import { Invalid } from '../../shared/errors.ts'

/** What is to be compared; `runId` goes on with that run, and with nothing once it is finished. */
export type ReconcileTask = ReconcileScope & { runId?: number }

/** The tasks of an event: what it names, or every scope when an EventBridge rule sent it. Throws Invalid. */
export function tasksOf(event: unknown, scopes: ReconcileScope[]): ReconcileTask[] {
  if (v.is(ruleEvent, event)) {
    if (scopes.length === 0) throw new Invalid('CATALOG_BUCKETS names no bucket to compare')
    return scopes
  }
  const parsed = v.safeParse(taskEvent, event)
  if (!parsed.success) {
    const reasons = parsed.issues.map(issue => `${v.getDotPath(issue) ?? 'event'}: ${issue.message}`)
    throw new Invalid(`Neither a scheduled event nor { bucket, prefix?, dryRun?, runId? }: ${reasons.join('; ')}`)
  }
  const { bucket, prefix, dryRun, runId } = parsed.output
  return [{ bucket, prefix, isDryRun: dryRun, runId }]
}

/** The event of a task. */
export function eventOf({ bucket, prefix, isDryRun, runId }: ReconcileTask): unknown {
  return { bucket, prefix, dryRun: isDryRun, runId }
}

/** Reads `docs, logs/2026/`: buckets, or prefixes of buckets, which are compared at the same time. */
export function readScopes(text: string): ReconcileScope[] {
  const names = text
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '')
  return names.map(name => {
    const [bucket = '', ...rest] = name.split('/')
    return { bucket, prefix: rest.join('/') }
  })
}

const ruleEvent = v.object({ source: v.literal('aws.events'), 'detail-type': v.string() })

const taskEvent = v.strictObject({
  bucket: v.pipe(v.string(), v.minLength(1)),
  prefix: v.optional(v.string(), ''),
  dryRun: v.optional(v.boolean(), false),
  runId: v.optional(v.pipe(v.number(), v.integer())),
})
