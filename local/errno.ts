/** The system's name of an error (`ENOENT`, `EADDRINUSE`, ...), or undefined when it has none. */
export function errno(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** For `.catch`: turns "no such file" into undefined and throws every other error again. */
export function ifMissing(error: unknown): undefined {
  if (errno(error) !== 'ENOENT') throw error
}
