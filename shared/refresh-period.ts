import { Invalid } from './errors.ts'

/** Hours that a reconcile may take from its start until it reaches the last key. */
const LONGEST_RUN = 6

/**
 * The hours after which S3 is asked again about a version, at the first run that reads it then, so that no version is asked longer ago than
 * `days` when runs are at most `hoursBetweenRuns` apart. Throws Invalid when the runs are too rare for that.
 */
export function refreshPeriod({ days, hoursBetweenRuns }: { days: number; hoursBetweenRuns: number }): number {
  const hours = days * 24 - hoursBetweenRuns - LONGEST_RUN
  if (hours >= 0) return hours
  throw new Invalid(
    `A reconcile every ${hoursBetweenRuns} hours, which may take ${LONGEST_RUN}, cannot ask about every version within ${days} days`,
  )
}
