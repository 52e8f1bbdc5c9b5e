import { readFileSync } from 'node:fs'
import postgres from 'postgres'
import { readVariables } from '../environment.ts'
import { Invalid } from '../errors.ts'

/** A client or a transaction of it: functions that take `sql` can't tell which. int8 comes as a number, times as Date. */
export type Sql = postgres.ISql<{ int8: number }>

/** A pool of connections, which can begin transactions and be ended. */
export type Client = postgres.Sql<{ int8: number }>

/** Where the database is, and how many connections may be open to it at once. With a `role` sessions act as it, whoever the URL signs in. */
export type ConnectionConfig =
  | { url: string; role?: string; max?: number }
  | { host: string; port: number; database: string; user: string; region: string; caFile?: string; max?: number }

/**
 * Opens a pool of connections; none is made before the first query. With a host in place of a URL each new connection
 * signs in with a fresh IAM token (they live 15 minutes) over TLS, checked against `caFile` (the certificate bundle of RDS, PEM)
 * or, without one, against the roots that Node trusts, which RDS Proxy's certificates come from.
 */
export function connect(config: ConnectionConfig): Client {
  const options = {
    max: config.max ?? 10,
    // Types are built in; asking pg_type costs each new connection a round trip (11.2 -> 5.0 ms to the first result).
    fetch_types: false,
    // RDS Proxy multiplexes protocol-level prepared statements; without them each query costs two round trips.
    prepare: true,
    connect_timeout: 10,
    idle_timeout: 60,
    max_lifetime: 30 * 60,
    connection: { application_name: 'storage-catalog' },
    onnotice: () => undefined,
    types: { int8 },
  }
  if ('url' in config) {
    const connection = config.role ? { ...options.connection, role: config.role } : options.connection
    return postgres(config.url, { ...options, connection })
  }
  const { host, port, database, user, caFile } = config
  const ssl = { servername: host, ca: caFile ? readFileSync(caFile) : undefined }
  return postgres({ ...options, host, port, database, user, password: iamToken(config), ssl })
}

/**
 * Reads the connection from the environment: `DATABASE_URL` (and `DATABASE_ROLE`), or `DATABASE_HOST`, `DATABASE_NAME` and `DATABASE_USER` with
 * `AWS_REGION` (and `DATABASE_CA_FILE`) for RDS. `shared/environment.ts` has their meaning and ranges. Throws Invalid.
 */
export function connectionFromEnvironment(env: NodeJS.ProcessEnv = process.env): ConnectionConfig {
  const values = readVariables(CONNECTION_VARIABLES, env)
  const max = values.DATABASE_POOL
  if (values.DATABASE_URL) return { url: values.DATABASE_URL, role: values.DATABASE_ROLE, max }
  const { DATABASE_HOST: host, DATABASE_NAME: database, DATABASE_USER: user, AWS_REGION: region } = values
  if (!host || !database || !user || !region) {
    throw new Invalid('Set DATABASE_URL, or DATABASE_HOST, DATABASE_NAME, DATABASE_USER and AWS_REGION')
  }
  return { host, port: 5432, database, user, region, caFile: values.DATABASE_CA_FILE, max }
}

const CONNECTION_VARIABLES = [
  'DATABASE_URL',
  'DATABASE_ROLE',
  'DATABASE_HOST',
  'DATABASE_NAME',
  'DATABASE_USER',
  'DATABASE_CA_FILE',
  'DATABASE_POOL',
  'AWS_REGION',
] as const

/** int8 as a number: exact up to 2^53, and no count or size of a catalog is larger. */
const int8 = { to: 20, from: [20], serialize: String, parse: Number }

/** A password function: the driver calls it for each new connection. The signer is loaded when first needed: it is a third of a cold start. */
function iamToken({
  host,
  port,
  user,
  region,
}: {
  host: string
  port: number
  user: string
  region: string
}): () => Promise<string> {
  return async () => {
    const { Signer } = await import('@aws-sdk/rds-signer')
    return new Signer({ hostname: host, port, username: user, region }).getAuthToken()
  }
}
