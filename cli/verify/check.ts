import type { Sql } from '../../shared/database/connection.ts'
import type { Bucket } from '../connect/bucket.ts'
import type { Target, TargetFlags } from '../connect/target.ts'

/**
 * An installation that is being checked: the ways to it, and what the checks have put there. `sql` is missing where nobody told the
 * database, `graceSeconds` where the bucket is not to be compared.
 */
export type CheckContext = {
  flags: TargetFlags
  target: Target
  bucket: Bucket
  sql?: Sql
  key: string
  graceSeconds?: number
  word: string
  versionIds: string[]
}

/** One check: it answers what it saw in a few words, throws what is wrong, or throws CheckSkipped. It needs others to have passed, by their names. */
export type Check = { name: string; needs?: string[]; run: (context: CheckContext) => Promise<string> }

/** A check can't be done here; that is no failure. */
export class CheckSkipped extends Error {
  override name = 'CheckSkipped'
}
