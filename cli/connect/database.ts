import { type Client, connect, connectionFromEnvironment } from '../../shared/database/connection.ts'
import { CliError } from '../terminal/cli-error.ts'
import type { Target } from './target.ts'

/** Connects to the database of a target. Throws CliError when none is given. */
export function openDatabase({ databaseUrl }: Target): Client {
  if (databaseUrl) return connect({ url: databaseUrl, max: 5 })
  if (process.env.DATABASE_HOST) return connect({ ...connectionFromEnvironment(), max: 5 })
  throw new CliError('No database given: set DATABASE_URL or DATABASE_HOST, or start the catalog with: npm start')
}
