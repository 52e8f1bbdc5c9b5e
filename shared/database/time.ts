import type { PendingQuery } from 'postgres'
import { Invalid } from '../errors.ts'
import type { Sql } from './connection.ts'

/** The database's time in UTC, to the microsecond. As text it sorts as time does. */
export async function databaseTime(sql: Sql): Promise<string> {
  const [row] = await sql<{ asOf: string }[]>`select ${utcText(sql, sql`clock_timestamp()`)} as "asOf"`
  return row!.asOf
}

/** Throws Invalid when a range of time ends before it begins. An empty one is allowed. */
export function checkSpan({ from, to }: { from?: Date; to?: Date }): void {
  if (from !== undefined && to !== undefined && from > to) throw new Invalid('from must not be after to')
}

/** A timestamptz expression as text in UTC with microseconds, such as `2026-03-14T15:09:26.535897Z`: a Date would cut it to milliseconds. */
export function utcText(sql: Sql, expression: PendingQuery<never[]>): PendingQuery<never[]> {
  return sql`to_char(${expression} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
}
