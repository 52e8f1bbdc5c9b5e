import postgres from 'postgres'
import type { Client } from '../../../shared/database/connection.ts'

/** A client like that of `connect` that keeps the text of each statement it sends. */
export function watchedClient(url: string): { sql: Client; statements: string[] } {
  const statements: string[] = []
  const sql = postgres(url, {
    max: 1,
    fetch_types: false,
    types: { int8: { to: 20, from: [20], serialize: String, parse: Number } },
    debug: (_, statement) => statements.push(statement),
  })
  return { sql, statements }
}
