/** Owner of the tables: the master user on RDS, as whom the migrator signs in. */
export const DATABASE_OWNER = 'catalog_owner'

/** Database role of each function, by the name of its file in `functions/`. `migrations/0001_roles.sql` makes them, docs/schema.md says what each may. */
export const DATABASE_ROLES = {
  indexer: 'catalog_indexer',
  api: 'catalog_api',
  pruner: 'catalog_pruner',
  reconciler: 'catalog_reconciler',
} as const

/** One of the roles that functions act as. */
export type DatabaseRole = (typeof DATABASE_ROLES)[keyof typeof DATABASE_ROLES]
