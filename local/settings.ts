import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readVariables } from '../shared/environment.ts'
import { Invalid } from '../shared/errors.ts'
import type { FollowedBucket } from './follow/followed-bucket.ts'

/** Where the local catalog keeps its data and which ports it listens on; 0 takes a free one. */
export type Settings = {
  folder: string
  apiPort: number
  s3Port: number
  postgresPort: number
  /** Days within which S3 is asked again about every version. */
  refreshDays: number
  /** The bucket of another S3 to follow; undefined for the buckets of this machine. */
  followed?: FollowedBucket
}

export const HELP = `Usage: npm start -- [options]

Runs the catalog on this machine: Postgres, an S3 endpoint, the indexer, the API and the pruner. Loopback only.

  --api-port <port>       HTTP API (CATALOG_API_PORT, 8080)
  --s3-port <port>        S3 endpoint (CATALOG_S3_PORT, 9000)
  --postgres-port <port>  Postgres (CATALOG_POSTGRES_PORT, a free port)
  --data <folder>         where everything is kept (CATALOG_DATA, .catalog)
  --refresh-days <days>   every version is asked about again within so many days (CATALOG_REFRESH_DAYS, 30)

Follow a bucket of an S3 of your own (Ceph, MinIO), with the credentials of the AWS environment or profile:

  --s3-endpoint <url>     its address (CATALOG_S3_ENDPOINT)
  --bucket <name>         the bucket (CATALOG_BUCKET)
  --poll-seconds <n>      seconds between two reconciles (CATALOG_POLL_SECONDS, 300)
  --webhook-port <port>   takes its notifications (CATALOG_WEBHOOK_PORT, 8081)

  --help                  this text
`

const VARIABLES = [
  'CATALOG_DATA',
  'CATALOG_API_PORT',
  'CATALOG_S3_PORT',
  'CATALOG_POSTGRES_PORT',
  'CATALOG_REFRESH_DAYS',
  'CATALOG_S3_ENDPOINT',
  'CATALOG_BUCKET',
  'CATALOG_POLL_SECONDS',
  'CATALOG_WEBHOOK_PORT',
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
    CATALOG_S3_ENDPOINT: flags['s3-endpoint'] ?? env.CATALOG_S3_ENDPOINT,
    CATALOG_BUCKET: flags.bucket ?? env.CATALOG_BUCKET,
    CATALOG_POLL_SECONDS: flags['poll-seconds'] ?? env.CATALOG_POLL_SECONDS,
    CATALOG_WEBHOOK_PORT: flags['webhook-port'] ?? env.CATALOG_WEBHOOK_PORT,
  })
  const { CATALOG_S3_ENDPOINT: endpoint, CATALOG_BUCKET: bucket } = values
  if (endpoint && !bucket) throw new Invalid('--s3-endpoint needs --bucket, the bucket to follow')
  if (!endpoint && flags.bucket) throw new Invalid('--bucket needs --s3-endpoint, the S3 that has it')
  if (endpoint && (new URL(endpoint).username || new URL(endpoint).password))
    throw new Invalid('--s3-endpoint must not contain credentials: use the AWS environment or a profile')
  return {
    folder: resolve(values.CATALOG_DATA),
    apiPort: values.CATALOG_API_PORT,
    s3Port: values.CATALOG_S3_PORT,
    postgresPort: values.CATALOG_POSTGRES_PORT,
    refreshDays: values.CATALOG_REFRESH_DAYS,
    ...(endpoint && bucket
      ? { followed: { endpoint, bucket, pollSeconds: values.CATALOG_POLL_SECONDS, webhookPort: values.CATALOG_WEBHOOK_PORT } }
      : {}),
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
        's3-endpoint': { type: 'string' },
        bucket: { type: 'string' },
        'poll-seconds': { type: 'string' },
        'webhook-port': { type: 'string' },
        data: { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    throw new Invalid(`${error instanceof Error ? error.message : error}. See npm start -- --help`)
  }
}
