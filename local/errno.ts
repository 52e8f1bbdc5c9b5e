/** The system's code of an error (`ENOENT`, `EADDRINUSE`, ...), undefined if it has none. */
export function errno(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** For `.catch`: turns "no such file" into undefined and rethrows every other error. */
export function ifMissing(error: unknown): undefined {
  if (errno(error) !== 'ENOENT') throw error
}
