import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { CREDENTIALS } from './endpoint.ts'

/** The folder with the database and the addresses of a deployment. */
export const FOLDER = resolve('.catalog/localstack')

/** The addresses of a deployment, as in `running.json` of a catalog on this machine, and the names of its functions. */
export type Deployment = {
  apiUrl: string
  s3Url: string
  databaseUrl: string
  bucket: string
  queueUrl: string
  deadLetterQueueUrl: string
  accessKeyId: string
  secretAccessKey: string
  pruneFunction: string
  reconcileFunction: string
}

/** Turns the outputs of the stacks into addresses that need no DNS. Throws for a missing output. */
export function deploymentOf(stacks: Record<string, Record<string, string>>, url: string, databaseUrl: string): Deployment {
  const values = Object.assign({}, ...Object.values(stacks)) as Record<string, string>
  const output = (name: string) => {
    if (values[name]) return values[name]
    throw new Error(`the stacks have no output ${name}; they have ${Object.keys(values).join(', ') || 'none'}`)
  }
  // The address itself is malformed when the host name of LocalStack is a number.
  const [stage] = output('ApiUrl').split('/').slice(-2)
  return {
    apiUrl: `${url}/_aws/execute-api/${output('ApiId')}/${stage}`,
    s3Url: url,
    databaseUrl,
    bucket: output('Bucket'),
    queueUrl: output('QueueUrl'),
    deadLetterQueueUrl: output('DeadLetterQueueUrl'),
    ...CREDENTIALS,
    pruneFunction: output('Pruner'),
    reconcileFunction: output('Reconciler'),
  }
}

/** Writes a deployment to a file, for the command line (`--data .catalog/localstack`) and the tests. Only its owner may read it: it contains a password. */
export function writeDeployment(deployment: Deployment): string {
  mkdirSync(FOLDER, { recursive: true })
  rmSync(FILE, { force: true })
  writeFileSync(FILE, `${JSON.stringify(deployment, null, 2)}\n`, { mode: 0o600 })
  return FILE
}

/** Reads the deployment from its file; undefined when there is none. */
export function readDeployment(): Deployment | undefined {
  try {
    return JSON.parse(readFileSync(FILE, 'utf8'))
  } catch {
    return undefined
  }
}

/** Deletes the file. */
export function forgetDeployment(): void {
  rmSync(FILE, { force: true })
}

const FILE = join(FOLDER, 'running.json')
