import type { Sql } from '../../shared/database/connection.ts'
import type { Bucket } from '../connect/bucket.ts'
import type { Place, PlaceFlags } from '../connect/where.ts'

/**
 * An installation that is being checked: the ways to it, and what the checks have put there. `sql` is missing where nobody told the
 * database, `graceSeconds` where the bucket is not to be compared.
 */
export type Visit = {
  flags: PlaceFlags
  place: Place
  bucket: Bucket
  sql?: Sql
  key: string
  graceSeconds?: number
  word: string
  versionIds: string[]
}

/** One check: it answers what it saw in a few words, throws what is wrong, or throws LeftOut. It needs others to have passed, by their names. */
export type Check = { name: string; needs?: string[]; run: (visit: Visit) => Promise<string> }

/** A check can't be done here; that is no failure. */
export class LeftOut extends Error {
  override name = 'LeftOut'
}
