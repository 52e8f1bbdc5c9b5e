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
  const data = settings.folder === resolve('.catalog') ? '' : ` --data ${quote(settings.folder)}`
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
${followed ? '' : describeCredentials(catalog, settings.folder)}
Press Ctrl-C to stop it.
`)
  const stopped = Promise.race([signal('SIGINT'), signal('SIGTERM'), signal('SIGHUP')])
  const reason = await Promise.race([stopped, catalog.ended])
  console.log(reason ?? 'Stopping ...')
  await catalog.stop()
  if (reason) process.exitCode = 1
}

/** How the AWS CLI reaches the buckets of this machine. The lines read the secret from its file: the output may end up in a log. */
function describeCredentials({ bucket }: LocalCatalog, folder: string): string {
  return `
The AWS CLI and programs with an AWS SDK need the credentials of this folder, which these lines read:
  running() { node -p 'JSON.parse(fs.readFileSync(process.argv[1]))[process.argv[2]]' ${quote(`${folder}/running.json`)} "$1"; }
  export AWS_ENDPOINT_URL=$(running s3Url) AWS_DEFAULT_REGION=us-east-1
  export AWS_ACCESS_KEY_ID=$(running accessKeyId) AWS_SECRET_ACCESS_KEY=$(running secretAccessKey)
  aws s3 sync docs s3://${bucket}/docs
`
}

/** A text as one word of a shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
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
