import { readFileSync } from 'node:fs'
import postgres from 'postgres'
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
 * Reads the connection from the environment: `DATABASE_URL` (and `DATABASE_ROLE`), or `DATABASE_HOST`, `DATABASE_PORT` (5432), `DATABASE_NAME`
 * and `DATABASE_USER` with `AWS_REGION` (and `DATABASE_CA_FILE`) for RDS; `DATABASE_POOL` is the number of connections, 2 to 20. Throws Invalid.
 */
export function connectionFromEnvironment(env: NodeJS.ProcessEnv = process.env): ConnectionConfig {
  const max = poolSize(env.DATABASE_POOL)
  if (env.DATABASE_URL) return { url: env.DATABASE_URL, role: env.DATABASE_ROLE || undefined, max }
  const { DATABASE_HOST: host, DATABASE_NAME: database, DATABASE_USER: user, AWS_REGION: region } = env
  if (!host || !database || !user || !region) {
    throw new Invalid('Set DATABASE_URL, or DATABASE_HOST, DATABASE_NAME, DATABASE_USER and AWS_REGION')
  }
  return { host, port: portOf(env.DATABASE_PORT), database, user, region, caFile: env.DATABASE_CA_FILE, max }
}

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

function portOf(value: string | undefined): number {
  if (value === undefined || value === '') return 5432
  if (!/^\d+$/.test(value) || Number(value) < 1 || Number(value) > 65_535)
    throw new Invalid(`DATABASE_PORT must be a port from 1 to 65535, not ${value}`)
  return Number(value)
}

function poolSize(value: string | undefined): number {
  if (value === undefined || value === '') return 10
  const size = Number(value)
  if (!Number.isInteger(size) || size < 2 || size > 20)
    throw new Invalid(`DATABASE_POOL must be a whole number from 2 to 20, not ${value}`)
  return size
}
