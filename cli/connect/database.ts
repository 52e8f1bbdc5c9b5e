import { type Client, connect, connectionFromEnvironment } from '../../shared/database/connection.ts'
import { CliError } from '../terminal/cli-error.ts'
import type { Target } from './target.ts'

/** Connects to the database of a place. Throws CliError when nobody said where it is. */
export function openDatabase({ databaseUrl }: Target): Client {
  if (databaseUrl) return connect({ url: databaseUrl, max: 5 })
  if (process.env.DATABASE_HOST) return connect({ ...connectionFromEnvironment(), max: 5 })
  throw new CliError(
    'Where is the database? Say it with DATABASE_URL, or DATABASE_HOST and its kin; or start the catalog with: npm start',
  )
}
