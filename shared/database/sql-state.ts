/** SQLSTATE classes 22 (data exception), 23 (constraint violation), 54 (limit exceeded): the data is wrong, and a retry would not help. */
export function isDataError(error: unknown): boolean {
  return /^(22|23|54)/.test(sqlState(error)) && !isConflict(error)
}

/**
 * Another writer was faster: deadlock (40P01), serialization failure (40001), unique (23505) or exclusion violation (23P01). The last two
 * are never due to the data of an event: writers lock their keys, and an audit entry that exists is left as it is. What remains is
 * somebody who writes to the tables without those locks.
 */
export function isConflict(error: unknown): boolean {
  return ['40P01', '40001', '23505', '23P01'].includes(sqlState(error))
}

function sqlState(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
