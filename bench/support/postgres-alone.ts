import postgres from 'postgres'

const sql = postgres(process.env.DATABASE_URL ?? '')

/** The minimum for a Lambda with a database, as the baseline. */
export function handler(): Promise<unknown> {
  return sql`select 1`
}
