import { runScript } from './command.ts'
import { readDeployment } from './deployment.ts'
import { localstackEnvironment, localstackUrl, reachLocalstack } from './endpoint.ts'
import { runProgram } from './run-program.ts'

const HELP = `
Runs the conformance suite (test/conformance) against the deployment of localstack:deploy: through S3, the queue, the functions,
Postgres and the API. It removes what it created, except entries of the audit trail.

  --help  this text
`

await runScript('localstack:test', HELP, {}, async () => {
  const url = localstackUrl()
  await reachLocalstack(url)
  const deployment = readDeployment()
  if (!deployment) throw new Error('nothing is deployed: npm run localstack:deploy')
  const env = {
    ...localstackEnvironment(url),
    CATALOG_API_URL: deployment.apiUrl,
    CATALOG_BUCKET: deployment.bucket,
    CATALOG_QUEUE_URL: deployment.queueUrl,
    CATALOG_DEAD_LETTER_QUEUE_URL: deployment.deadLetterQueueUrl,
    DATABASE_URL: deployment.databaseUrl,
    CATALOG_PRUNE_FUNCTION: deployment.pruneFunction,
    // As infra/stages.ts has it for this stage.
    CATALOG_PRUNE_EVERY_SECONDS: '60',
  }
  await runProgram('vitest', ['run', '--config', 'test/conformance/vitest.config.ts'], { env, minutes: 15 })
  console.log('Next: npm run localstack:down')
})
