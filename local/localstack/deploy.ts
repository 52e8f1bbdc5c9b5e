import { resolve } from 'node:path'
import { readOutputs, synthesise } from './cdk.ts'
import { runScript, step } from './command.ts'
import { findDatabase } from './database.ts'
import { deploymentOf, FOLDER, writeDeployment } from './deployment.ts'
import { invoke, localstackUrl, MIGRATOR, reachLocalstack } from './endpoint.ts'

const HELP = `
Deploys the localstack stage onto the LocalStack at AWS_ENDPOINT_URL or http://127.0.0.1:4566: first the migrator, which is
invoked, then everything else. Then it compares the bucket with the catalog once.

The database is the one at DATABASE_URL (functions must reach that address), or the Postgres of
docker-compose.localstack.yml if it runs, or the one that npm installed, started in .catalog/localstack.

  --migrations <folder>  other migrations than those of the repository
  --help                 this text
`

const OPTIONS = { migrations: { type: 'string' } } as const

await runScript('localstack:deploy', HELP, OPTIONS, async ({ migrations }) => {
  const url = localstackUrl()
  await reachLocalstack(url)
  const database = await step('Looking for Postgres', () => findDatabase(FOLDER))
  console.log(`It is ${database.what}.`)
  const folder = typeof migrations === 'string' ? resolve(migrations) : undefined
  const cdk = await step('Synthesising', () => synthesise(url, database.functionsUrl, folder))
  await step('Bootstrapping', () => cdk.bootstrap())

  // New code may need the new migrations, so they run first; a failed one ends the deployment here, with the old code in place.
  const migrator = await step('Deploying the migrator', () => cdk.deploy(['*-data', '*-migrations']))
  const report = await step('Migrating', () => invoke(url, MIGRATOR, {}))
  console.log(JSON.stringify(report))
  const rest = await step('Deploying everything else', () => cdk.deploy(['*']))

  const deployment = deploymentOf(readOutputs(), url, database.url)
  const { bucket, reconcileFunction } = deployment
  const compared = await step('Comparing the bucket with the catalog', () => invoke(url, reconcileFunction, { bucket }))
  console.log(JSON.stringify(compared))
  const file = writeDeployment(deployment)
  console.log(migrator.isChanged || rest.isChanged ? '\nDeployed.' : '\nNo changes.')
  console.log(`
  API       ${deployment.apiUrl}
  S3        ${url}   bucket ${bucket}
  Postgres  ${database.what}

All addresses are in ${file}. Try:
  npx catalog upload docs --data .catalog/localstack
  npx catalog search architecture --data .catalog/localstack
  npm run localstack:test
`)
})
