import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import { apiHandler } from '../functions/http/handler.ts'
import { auditPruner, type PruneReport } from '../functions/jobs/prune.ts'
import { deadLetterQueue } from '../functions/queue/dead-letter.ts'
import { indexer } from '../functions/queue/index-batch.ts'
import { lazyS3 } from '../functions/runtime/lazy-s3.ts'
import { connect } from '../shared/database/connection.ts'
import { type MigrationReport, migrate } from '../shared/database/migrate.ts'
import { addressOfRole, DATABASE_ROLES } from '../shared/database/roles.ts'
import { startApi } from './api/server.ts'
import { DEFAULT_REGION } from './aws-account.ts'
import { lockFolder } from './folder-lock.ts'
import { clientConfig, type FollowedBucket, openFollowedBucket } from './follow/followed-bucket.ts'
import { ownSecret, startWebhook } from './follow/webhook.ts'
import type { LocalServer } from './http.ts'
import { ensurePorts, explainPort } from './ports.ts'
import { startPostgres } from './postgres/postgres.ts'
import { bucketsInUse, DAILY, startReconciler } from './reconcile-buckets.ts'
import { countRepeats } from './repeated-lines.ts'
import { ownCredentials } from './s3/auth/credentials.ts'
import { startS3 } from './s3/server.ts'
import { createBucket } from './s3/store/buckets.ts'
import { advanceRestores } from './s3/store/restores.ts'
import { schedule } from './schedule.ts'
import type { Settings } from './settings.ts'
import { startEventSource } from './sqs/event-source.ts'
import type { Queue } from './sqs/queue.ts'

/** The bucket that the first start creates. */
const FIRST_BUCKET = 'catalog'

/**
 * The addresses of a running catalog and the credentials of its S3 and SQS. `running.json` in its folder contains them for other programs;
 * only its owner may read it.
 */
export type Addresses = {
  pid: number
  apiUrl: string
  s3Url: string
  databaseUrl: string
  bucket: string
  queueUrl: string
  deadLetterQueueUrl: string
  accessKeyId: string
  secretAccessKey: string
  /** Takes the notifications of a followed bucket, with the secret in its path; the credentials above are then those of the queues only. */
  webhookUrl?: string
}

/** A running catalog. `stop` finishes running work. `ended` resolves with the reason when Postgres has ended by itself or is stopped. */
export type LocalCatalog = Addresses & { ended: Promise<string>; stop(): Promise<void> }

/** Receives the lines that the catalog logs. */
export type Log = (line: string) => void

/** How often the audit trail is pruned: once a day, as the rule in the cloud does. */
const PRUNE_EVERY_MS = 24 * 3600 * 1000

const RETENTION_DAYS = 365

/** How often restores of archived objects are completed and expired. */
const RESTORES_EVERY_MS = 1000

/**
 * Starts Postgres, migrates it, and starts S3, the indexer, the API, the pruner and the reconciler. All but Postgres run in this process.
 * Throws if the folder or a port is in use, with what to do.
 */
export async function startCatalog(settings: Settings, log: Log = () => undefined): Promise<LocalCatalog> {
  // Ends what has started, last first: here when a later part does not start, else in stop().
  await using starting = new AsyncDisposableStack()
  const lock = lockFolder(settings.folder)
  starting.defer(() => lock.release())

  const isLeftOver = existsSync(join(lock.folder, 'postgres/data/postmaster.pid'))
  // A Postgres that outlived `kill -9` of its catalog holds its port until startPostgres stops it.
  const { followed } = settings
  await ensurePorts({
    api: settings.apiPort,
    s3: settings.s3Port,
    webhook: followed?.webhookPort ?? 0,
    postgres: isLeftOver ? 0 : settings.postgresPort,
  })
  const postgres = await startPostgres({ folder: join(lock.folder, 'postgres'), port: settings.postgresPort })
  starting.defer(() => postgres.stop())
  const { applied } = await migrateTo(postgres.url)
  if (applied.length > 0) log(`Database schema: applied ${applied.length > 5 ? `${applied.length} files` : applied.join(', ')}`)
  // Each part has no more rights than its Lambda has.
  const connectAs = (name: keyof typeof DATABASE_ROLES) => {
    const sql = connect({ url: addressOfRole(postgres.url, name), role: DATABASE_ROLES[name], max: 5 })
    starting.defer(() => sql.end({ timeout: 5 }))
    return sql
  }

  const credentials = ownCredentials(join(lock.folder, 's3-credentials.json'))
  const server = await startS3({ folder: join(lock.folder, 's3'), port: settings.s3Port, credentials }).catch(error => {
    throw explainPort('s3', settings.s3Port, error)
  })
  starting.defer(() => server.close())
  if (!followed) createBucket(server.store, FIRST_BUCKET, { versioning: 'Enabled' })
  const restores = schedule(RESTORES_EVERY_MS, async () => advanceRestores(server.store), console.error)
  starting.defer(() => restores.close())
  const aws = { endpoint: server.url, region: DEFAULT_REGION, credentials }
  const bucket = followed?.bucket ?? FIRST_BUCKET
  const s3Config = followed ? clientConfig(followed) : { ...aws, forcePathStyle: true }
  const s3 = followed ? await openFollowedBucket(followed) : new S3Client(s3Config)
  starting.defer(() => s3.destroy())

  const queueUrl = `${server.url}/000000000000/${server.events.name}`
  const deadLetterQueueUrl = `${server.url}/000000000000/${server.deadLetters.name}`
  const repeated = countRepeats(line => console.error(line))
  starting.defer(() => repeated.close())
  const onError = (error: unknown) => repeated.log(describeError(error))
  const index = indexer({
    sql: connectAs('indexer'),
    s3,
    log: ({ error, records, example: { bucket, key, messageId }, stack }) => {
      const example = key === undefined ? `message ${messageId}` : `${bucket}/${key}`
      repeated.log(`Not indexed yet: ${stack ?? error} (${records} events, for example ${example})`, error)
    },
    maxReceives: server.events.options.maxReceiveCount,
    sendDeadLetter: deadLetterQueue(deadLetterQueueUrl, aws),
  })
  // This process alone receives from the queue, so what is in flight was lost by one that was killed.
  server.events.release()
  const source = startEventSource({ queue: server.events, handler: index, batchSize: 100, concurrency: 2, onError })
  starting.defer(() => source.close())

  const webhook = followed && (await startFollowing(followed, join(lock.folder, 'webhook-secret'), server.events))
  if (webhook) starting.defer(() => webhook.close())

  const { refreshDays } = settings
  const reconcilerSql = connectAs('reconciler')
  const buckets = async () => (followed ? [followed.bucket] : bucketsInUse(reconcilerSql, server.store))
  const everySeconds = followed?.pollSeconds ?? DAILY
  const reconciler = await startReconciler(
    { sql: reconcilerSql, s3, buckets, everySeconds, source, refreshDays, homeBucket: bucket, log },
    onError,
  )
  starting.defer(() => reconciler.close())

  const handler = apiHandler({
    sql: connectAs('api'),
    s3: lazyS3(s3Config),
    startRun: reconciler.startRun,
    defaultBucket: bucket,
  })
  const api = await startApi({ port: settings.apiPort, handler })
  starting.defer(() => api.close())
  const prune = auditPruner({
    sql: connectAs('pruner'),
    retentionDays: RETENTION_DAYS,
    log: report => logPruned(report, log),
  })
  const pruner = schedule(PRUNE_EVERY_MS, prune, onError)
  starting.defer(() => pruner.close())

  const addresses = {
    pid: process.pid,
    apiUrl: api.url,
    s3Url: followed?.endpoint ?? server.url,
    databaseUrl: postgres.url,
    bucket,
    queueUrl,
    deadLetterQueueUrl,
    ...credentials,
    ...(webhook ? { webhookUrl: webhook.url } : {}),
  }
  const running = join(lock.folder, 'running.json')
  writeFileSync(running, `${JSON.stringify(addresses, null, 2)}\n`, { mode: 0o600 })
  starting.defer(() => rmSync(running, { force: true }))

  const started = starting.move()
  return {
    ...addresses,
    ended: postgres.exited.then(() => `Postgres has ended; its log is ${join(lock.folder, 'postgres/postgres.log')}`),
    stop: () => started.disposeAsync(),
  }
}

/** Starts the webhook of a followed bucket. `url` has its secret. */
async function startFollowing({ webhookPort: port }: FollowedBucket, secretFile: string, queue: Queue): Promise<LocalServer> {
  const secret = ownSecret(secretFile)
  const server = await startWebhook({ port, secret, queue }).catch(error => {
    throw explainPort('webhook', port, error)
  })
  return { ...server, url: `${server.url}/events/${secret}` }
}

async function migrateTo(url: string): Promise<MigrationReport> {
  const owner = connect({ url, max: 1 })
  return migrate(owner, { folder: join(import.meta.dirname, '../migrations') }).finally(() => owner.end({ timeout: 5 }))
}

/** An error of S3 in one line, any other with its stack. */
function describeError(error: unknown): string {
  if (error instanceof S3ServiceException) return `${error.name}: ${error.message}`
  return error instanceof Error ? (error.stack ?? String(error)) : String(error)
}

/** A run that removed nothing is not logged. */
function logPruned({ droppedPartitions, deletedRows }: PruneReport, log: Log): void {
  if (droppedPartitions.length > 0) log(`Removed the audit trail of ${droppedPartitions.join(', ')}: past the retention`)
  if (deletedRows > 0) log(`Removed ${deletedRows} audit entries: past the retention`)
}
