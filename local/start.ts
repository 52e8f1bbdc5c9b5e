import { resolve } from 'node:path'
import { unknownVariables } from '../shared/environment.ts'
import { startCatalog } from './catalog.ts'
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
  console.log(`
Storage Catalog is running. All its data is in ${settings.folder}

  API       ${catalog.apiUrl}
  S3        ${catalog.s3Url}   bucket ${catalog.bucket}
  Postgres  ${withoutPassword(catalog.databaseUrl)}   password in ${settings.folder}/running.json

Try:
  npx catalog upload docs${data}
  npx catalog search architecture${data}
  curl '${catalog.apiUrl}/search?q=architecture'

The AWS CLI, and programs with an AWS SDK, need these credentials, which are those of this folder:
  export AWS_ENDPOINT_URL=${catalog.s3Url} AWS_DEFAULT_REGION=us-east-1
  export AWS_ACCESS_KEY_ID=${catalog.accessKeyId} AWS_SECRET_ACCESS_KEY=${catalog.secretAccessKey}
  aws s3 sync docs s3://${catalog.bucket}/docs

Press Ctrl-C to stop it.
`)
  const stopped = Promise.race([signal('SIGINT'), signal('SIGTERM'), signal('SIGHUP')])
  const reason = await Promise.race([stopped, catalog.ended])
  console.log(reason ?? 'Stopping ...')
  await catalog.stop()
  if (reason) process.exitCode = 1
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
