import { runScript, step } from './command.ts'
import { findCompose } from './compose.ts'
import { isReachable, localstackUrl } from './endpoint.ts'

const HELP = `
Starts LocalStack and Postgres with Docker Compose (docker-compose.localstack.yml), and waits until both respond.
Does nothing when a LocalStack runs already at AWS_ENDPOINT_URL or http://127.0.0.1:4566.

  --help  this text
`

await runScript('localstack:up', HELP, {}, async () => {
  const url = localstackUrl()
  if (await isReachable(url, 0)) console.log(`LocalStack runs at ${url}.`)
  else await start(url)
  console.log('Next: npm run localstack:deploy')
})

async function start(url: string): Promise<void> {
  const without =
    'Without Docker: start a LocalStack 4.14.0 in another way, set AWS_ENDPOINT_URL to its address, then npm run localstack:deploy'
  const compose = await findCompose()
  if (!compose) throw new Error(`neither docker compose nor docker-compose was found. ${without}`)
  await compose.ask('ps').catch(error => {
    const [reason] = error instanceof Error ? error.message.split('\n').slice(-1) : []
    throw new Error(`Docker can't be used (${reason}). ${without}`)
  })
  // The older client has no --wait; LocalStack, for which we wait, waits for the health of Postgres.
  await step('Starting LocalStack and Postgres', () => compose.run('up', '--detach'))
  await step('Waiting for LocalStack', async () => {
    if (!(await isReachable(url, 180)))
      throw new Error(`LocalStack does not respond at ${url}: see ${compose.name} logs localstack`)
  })
}
