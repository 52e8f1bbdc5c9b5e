import type { Sql } from '../../shared/connection.ts'
import type { Bucket } from '../bucket.ts'
import type { Place } from '../where.ts'

/** An installation that is being checked: the ways to it, and what the checks have put there. `sql` is missing where nobody told the database. */
export type Visit = { place: Place; bucket: Bucket; sql?: Sql; key: string; word: string; versionIds: string[] }

/** One check: it answers what it saw in a few words, throws what is wrong, or throws LeftOut. It needs others to have passed, by their names. */
export type Check = { name: string; needs?: string[]; run: (visit: Visit) => Promise<string> }

/** A check can't be done here; that is no failure. */
export class LeftOut extends Error {
  override name = 'LeftOut'
}
