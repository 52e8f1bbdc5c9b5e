import { parseArgs } from 'node:util'
import { CreateBucketCommand, PutBucketVersioningCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { bundle, bundleOf } from '../infra/functions/bundle.ts'
import { testCredentials } from '../local/s3/auth/credentials.ts'
import { startS3 } from '../local/s3/server.ts'
import { runBundle, sizeOfBundle } from '../test/support/run-bundle.ts'
import { sqsEvent } from '../test/support/sqs.ts'
import { startBenchDatabase } from './support/database.ts'
import { median, round } from './support/timing.ts'

/** Size and cold start of each Lambda's bundle, compared with a bundle of the Postgres driver alone. */
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '21' } } })

/** Limits for the import of a handler: times the driver alone, and bytes. */
const BAR = { functions: ['api', 'indexer'], times: 1.5, bytes: 100 * 1024 }

const BASELINE = 'postgres alone'

await using cleanup = new AsyncDisposableStack()
const database = cleanup.use(await startBenchDatabase())
const server = await startS3({ folder: ':memory:' })
cleanup.defer(() => server.close())

const bundles: Record<string, { folder: string; event: unknown }> = {
  [BASELINE]: { folder: bundleOf('postgres-alone', 'bench/support/postgres-alone.ts'), event: {} },
  api: {
    folder: bundle('api'),
    event: { httpMethod: 'GET', path: '/health', resource: '/health', headers: {}, requestContext: { identity: {} } },
  },
  indexer: { folder: bundle('indexer'), event: sqsEvent(await uploadMessages(10)) },
  pruner: { folder: bundle('pruner'), event: {} },
  migrator: { folder: bundle('migrator'), event: {} },
  reconciler: { folder: bundle('reconciler'), event: { bucket: 'docs' } },
}
const samples = await measureSamples()
console.table(Object.fromEntries(Object.keys(bundles).map(name => [name, figures(name)])))
for (const name of BAR.functions) {
  const { 'x alone': times, 'KB at start': size } = figures(name)
  console.log(`bar: ${name}: ${times} of ${BAR.times}x ${BASELINE}, ${size} of ${BAR.bytes / 1024} KB`)
}

/** Every bundle once per round, so that load on the machine affects all of them. */
async function measureSamples() {
  const env = {
    DATABASE_URL: database.url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: testCredentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: testCredentials.secretAccessKey,
    AWS_ENDPOINT_URL_S3: server.url,
    CATALOG_S3_PATH_STYLE: 'true',
    CATALOG_AUDIT_RETENTION_DAYS: '365',
    CATALOG_BUCKET: 'docs',
    CATALOG_RECONCILER_FUNCTION: 'reconciler',
    CATALOG_DEAD_LETTER_QUEUE_URL: `${server.url}/000000000000/${server.deadLetters.name}`,
  }
  const found = Object.fromEntries(
    Object.keys(bundles).map(name => [name, { imported: [] as number[], responded: [] as number[] }]),
  )
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [name, { folder, event }] of Object.entries(bundles)) {
      const { importMs, respondedMs } = await runBundle(folder, env, event)
      found[name]?.imported.push(importMs)
      found[name]?.responded.push(respondedMs)
    }
  }
  return found
}

function figures(name: string) {
  const { imported, responded } = samples[name]!
  const { start, whole } = sizeOfBundle(bundles[name]!.folder)
  const times = (own: number[], base: number[]) => round(median(own.map((ms, round) => ms / base[round]!)))
  return {
    'KB at start': Math.round(start / 1024),
    'KB in all': Math.round(whole / 1024),
    'import ms': round(median(imported)),
    'x alone': times(imported, samples[BASELINE]!.imported),
    'first response ms': round(median(responded)),
    'x alone, first response': times(responded, samples[BASELINE]!.responded),
  }
}

/** Messages with the events of uploads to a versioned bucket. */
async function uploadMessages(count: number): Promise<string[]> {
  const s3 = new S3Client({ endpoint: server.url, region: 'us-east-1', forcePathStyle: true, credentials: testCredentials })
  await s3.send(new CreateBucketCommand({ Bucket: 'docs' }))
  await s3.send(new PutBucketVersioningCommand({ Bucket: 'docs', VersioningConfiguration: { Status: 'Enabled' } }))
  for (let n = 0; n < count; n++) await s3.send(new PutObjectCommand({ Bucket: 'docs', Key: `report-${n}.pdf`, Body: 'x' }))
  s3.destroy()
  return server.events.messages(count).map(({ body }) => body)
}
