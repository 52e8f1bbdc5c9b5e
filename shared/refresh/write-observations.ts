import { applyObservations, type ConfirmedLatest, type Observation } from '../catalog/observations.ts'
import type { Sql } from '../database/connection.ts'
import { isDataError } from '../database/sql-state.ts'
import { type KeyName, keyId } from '../names.ts'
import type { KeyFailure } from './resolve-latest.ts'

/** What was written of keys: those whose latest version is undecided, and those that Postgres refuses. */
export type Written = { undecided: KeyName[]; failures: KeyFailure[] }

/**
 * Writes observations and latest versions as of `asOf`. When Postgres refuses the data of one key, the batch is halved until that key fails
 * alone. Throws any other error.
 */
export async function writeObservations(
  sql: Sql,
  asOf: string,
  { observed, confirmedLatest = [] }: { observed: Observation[]; confirmedLatest?: ConfirmedLatest[] },
): Promise<Written> {
  try {
    return { undecided: await applyObservations(sql, asOf, { observed, confirmedLatest }), failures: [] }
  } catch (error) {
    if (!isDataError(error)) throw error
    const keys = new Map([...observed, ...confirmedLatest].map(({ bucket, key }) => [keyId({ bucket, key }), { bucket, key }]))
    if (keys.size === 1) return { undecided: [], failures: [...keys.values()].map(key => ({ key, error })) }
    const first = new Set([...keys.keys()].slice(0, keys.size >> 1))
    const part = (isFirst: boolean) => {
      const isIn = (name: KeyName) => first.has(keyId(name)) === isFirst
      return writeObservations(sql, asOf, { observed: observed.filter(isIn), confirmedLatest: confirmedLatest.filter(isIn) })
    }
    const [one, two] = [await part(true), await part(false)]
    return { undecided: [...one.undecided, ...two.undecided], failures: [...one.failures, ...two.failures] }
  }
}
