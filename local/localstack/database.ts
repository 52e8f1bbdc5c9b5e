import { composePostgres, findCompose, runs } from './compose.ts'
import { keepPostgres } from './embedded-postgres.ts'

/** A Postgres for LocalStack: its address for this machine, and for functions. */
export type Database = { url: string; functionsUrl: string; what: string }

/** The one at `DATABASE_URL`, the one of docker-compose.localstack.yml if it runs, or the embedded one, started in `folder`. */
export async function findDatabase(folder: string, env: NodeJS.ProcessEnv = process.env): Promise<Database> {
  if (env.DATABASE_URL) return { url: env.DATABASE_URL, functionsUrl: env.DATABASE_URL, what: 'the Postgres of DATABASE_URL' }
  if (await runs(await findCompose(), 'postgres')) return { ...composePostgres(env), what: 'the Postgres of Docker Compose' }
  const url = await keepPostgres(folder)
  return { url, functionsUrl: url, what: `the embedded Postgres in ${folder}` }
}
