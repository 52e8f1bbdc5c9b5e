import postgres from 'postgres'

const sql = postgres(process.env.DATABASE_URL ?? '')

/** The least that a Lambda with a database does: what the others are measured against. */
export function handler(): Promise<unknown> {
  return sql`select 1`
}
