import { resolve } from 'node:path'
import { unknownVariables } from '../shared/environment.ts'
import { type LocalCatalog, startCatalog } from './catalog.ts'
import type { FollowedBucket } from './follow/followed-bucket.ts'
import { HELP, readSettings } from './settings.ts'

/** `npm start`: runs the catalog until Ctrl-C. Exit status 1 if it could not start or if Postgres has ended. */
async function main(): Promise<void> {
  const settings = readSettings(process.argv.slice(2), process.env)
  if (settings === null) {
    console.log(HELP)
    return
  }
  for (const name of unknownVariables()) console.warn(`${name} is not a variable of the catalog and is ignored`)
  const data = settings.folder === resolve('.catalog') ? '' : ` --data '${settings.folder.replaceAll("'", "'\\''")}'`
  const catalog = await startCatalog(settings, line => console.log(line))
  const followed = settings.followed && describeFollowed(settings.followed, settings.folder, catalog)
  console.log(`
Storage Catalog is running. All its data is in ${settings.folder}

  API       ${catalog.apiUrl}
  S3        ${catalog.s3Url}   bucket ${catalog.bucket}
${followed ?? ''}  Postgres  ${withoutPassword(catalog.databaseUrl)}   password in ${settings.folder}/running.json

Try:
  npx catalog upload docs${data}
  npx catalog search architecture${data}
  curl '${catalog.apiUrl}/search?q=architecture'
${followed ? '' : describeCredentials(catalog)}
Press Ctrl-C to stop it.
`)
  const stopped = Promise.race([signal('SIGINT'), signal('SIGTERM'), signal('SIGHUP')])
  const reason = await Promise.race([stopped, catalog.ended])
  console.log(reason ?? 'Stopping ...')
  await catalog.stop()
  if (reason) process.exitCode = 1
}

/** How the AWS CLI gets at the buckets of this machine. */
function describeCredentials({ s3Url, bucket, accessKeyId, secretAccessKey }: LocalCatalog): string {
  return `
The AWS CLI, and programs with an AWS SDK, need these credentials, which are those of this folder:
  export AWS_ENDPOINT_URL=${s3Url} AWS_DEFAULT_REGION=us-east-1
  export AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secretAccessKey}
  aws s3 sync docs s3://${bucket}/docs
`
}

/** How the catalog follows a bucket. The secret is not printed: the output may end up in a log. */
function describeFollowed({ pollSeconds }: FollowedBucket, folder: string, { webhookUrl = '' }: LocalCatalog): string {
  const { origin } = new URL(webhookUrl)
  return `            compared every ${pollSeconds} seconds
  Webhook   ${origin}/events   secret in ${folder}/webhook-secret
`
}

/** The output may end up in a log. */
function withoutPassword(url: string): string {
  return Object.assign(new URL(url), { password: '' }).href
}

function signal(name: NodeJS.Signals): Promise<void> {
  return new Promise(resolve => process.once(name, () => resolve()))
}

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
