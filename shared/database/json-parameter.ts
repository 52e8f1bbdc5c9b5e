import type postgres from 'postgres'
import type { Sql } from './connection.ts'

/** A value as a parameter of type jsonb. The driver's own type of JSON values has no optional fields, which ours have. */
export function jsonParameter(sql: Sql, value: unknown) {
  return sql.json(value as postgres.JSONValue)
}
