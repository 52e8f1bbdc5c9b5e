import { FUNCTIONS, type FunctionName, type FunctionRow, functionNames, type StartedBy } from '../functions.ts'

/** Owner of the tables: the master user on RDS, as whom the migrator signs in. */
export const DATABASE_OWNER = FUNCTIONS.migrator.database.user

/** Functions that sign in as a role of their own: all but the migrator. */
type Application = StartedBy<'queue' | 'api' | 'schedule'>

/** Database role of each function, by the name of its file in `functions/`. `migrations/0001_roles.sql` creates them; docs/schema.md says what each may do. */
export const DATABASE_ROLES = Object.fromEntries(
  functionNames('queue', 'api', 'schedule').map(name => [name, FUNCTIONS[name].database.user]),
) as { [Name in Application]: (typeof FUNCTIONS)[Name]['database']['user'] }

/**
 * The address at which the owner signs in to act as the role of a function. The settings of a role apply to those who sign in as it, so
 * the address contains its statement timeout.
 */
export function addressOfRole(url: string, name: FunctionName): string {
  const { statementTimeout }: FunctionRow['database'] = FUNCTIONS[name].database
  if (statementTimeout === undefined) return url
  const address = new URL(url)
  address.searchParams.set('statement_timeout', `${statementTimeout}s`)
  return address.href
}
