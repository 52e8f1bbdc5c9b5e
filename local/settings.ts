import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readVariables } from '../shared/environment.ts'
import { Invalid } from '../shared/errors.ts'

/** Where the local catalog keeps its data and which ports it listens on; 0 takes a free one. */
export type Settings = {
  folder: string
  apiPort: number
  s3Port: number
  postgresPort: number
  /** Days within which S3 is asked again about every version. */
  refreshDays: number
}

export const HELP = `Usage: npm start -- [options]

Runs the catalog on this machine: Postgres, an S3 endpoint, the indexer, the API and the pruner. Loopback only.

  --api-port <port>       HTTP API (CATALOG_API_PORT, 8080)
  --s3-port <port>        S3 endpoint (CATALOG_S3_PORT, 9000)
  --postgres-port <port>  Postgres (CATALOG_POSTGRES_PORT, a free port)
  --data <folder>         where everything is kept (CATALOG_DATA, .catalog)
  --refresh-days <days>   every version is asked about again within so many days (CATALOG_REFRESH_DAYS, 30)
  --help                  this text
`

const VARIABLES = [
  'CATALOG_DATA',
  'CATALOG_API_PORT',
  'CATALOG_S3_PORT',
  'CATALOG_POSTGRES_PORT',
  'CATALOG_REFRESH_DAYS',
] as const

/** Reads flags, then the environment, then the defaults; null when help is asked for. Throws Invalid. */
export function readSettings(args: string[], env: NodeJS.ProcessEnv): Settings | null {
  const flags = readFlags(args)
  if (flags.help) return null
  if (flags.data === '') throw new Invalid('--data must name a folder')
  const values = readVariables(VARIABLES, {
    CATALOG_DATA: flags.data ?? env.CATALOG_DATA,
    CATALOG_API_PORT: flags['api-port'] ?? env.CATALOG_API_PORT,
    CATALOG_S3_PORT: flags['s3-port'] ?? env.CATALOG_S3_PORT,
    CATALOG_POSTGRES_PORT: flags['postgres-port'] ?? env.CATALOG_POSTGRES_PORT,
    CATALOG_REFRESH_DAYS: flags['refresh-days'] ?? env.CATALOG_REFRESH_DAYS,
  })
  return {
    folder: resolve(values.CATALOG_DATA),
    apiPort: values.CATALOG_API_PORT,
    s3Port: values.CATALOG_S3_PORT,
    postgresPort: values.CATALOG_POSTGRES_PORT,
    refreshDays: values.CATALOG_REFRESH_DAYS,
  }
}

function readFlags(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        'api-port': { type: 'string' },
        's3-port': { type: 'string' },
        'postgres-port': { type: 'string' },
        'refresh-days': { type: 'string' },
        data: { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    throw new Invalid(`${error instanceof Error ? error.message : error}. See npm start -- --help`)
  }
}
