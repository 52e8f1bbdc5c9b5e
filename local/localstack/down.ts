import { S3Client } from '@aws-sdk/client-s3'
import { deleteVersions } from '../../shared/s3/delete-versions.ts'
import { forgetAssembly, isSynthesised, synthesised } from './cdk.ts'
import { runScript, step } from './command.ts'
import { findCompose, runs } from './compose.ts'
import { FOLDER, forgetDeployment, readDeployment } from './deployment.ts'
import { stopPostgres } from './embedded-postgres.ts'
import { clientConfig, isReachable, localstackUrl } from './endpoint.ts'

const HELP = `
Removes what localstack:up and localstack:deploy created: the objects of the bucket, the stacks, the embedded Postgres,
and the containers of Docker Compose. A LocalStack that was started in another way keeps running.

  --keep-data  keeps the database: the folder of the embedded Postgres, the volumes of Docker Compose
  --help       this text
`

await runScript('localstack:down', HELP, { 'keep-data': { type: 'boolean' } }, async ({ 'keep-data': keep = false }) => {
  const url = localstackUrl()
  if (await isReachable(url, 0)) await removeDeployment(url)
  else console.log(`No LocalStack at ${url}: nothing to remove there.`)
  forgetDeployment()
  forgetAssembly()
  if (await stopPostgres(FOLDER, !keep)) console.log('Stopped the embedded Postgres.')
  const compose = await findCompose()
  if (await runs(compose, 'localstack')) {
    await step('Stopping the containers', async () => compose?.run('down', ...(keep ? [] : ['--volumes'])))
  }
  console.log('Next: npm run localstack:up, or npm run localstack:deploy if a LocalStack runs')
})

async function removeDeployment(url: string): Promise<void> {
  const bucket = readDeployment()?.bucket
  if (bucket) await step('Emptying the bucket', () => empty(url, bucket))
  // Also what a failed deployment has left.
  if (isSynthesised()) await step('Destroying the stacks', () => synthesised(url).destroy())
  else console.log('Nothing is deployed.')
}

/** CloudFormation deletes no bucket that holds anything. */
async function empty(url: string, bucket: string): Promise<void> {
  const s3 = new S3Client({ ...clientConfig(url), forcePathStyle: true })
  try {
    await deleteVersions(s3, { bucket })
  } finally {
    s3.destroy()
  }
}
