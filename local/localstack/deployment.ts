import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { CREDENTIALS } from './endpoint.ts'

/** Where a deployment keeps its database and its addresses. */
export const FOLDER = resolve('.catalog/localstack')

/** Where the parts of a deployment answer: what `running.json` of a catalog on this machine holds, and the functions by name. */
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

/** Makes addresses that need no DNS of what the stacks answered. Throws for an output that is missing. */
export function deploymentOf(stacks: Record<string, Record<string, string>>, url: string, databaseUrl: string): Deployment {
  const values = Object.assign({}, ...Object.values(stacks)) as Record<string, string>
  const output = (name: string) => {
    if (values[name]) return values[name]
    throw new Error(`the stacks have no output ${name}; they have ${Object.keys(values).join(', ') || 'none'}`)
  }
  // As an address it is malformed where LocalStack's name is a number.
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

/** Writes it down for the command line (`--data .catalog/localstack`) and the tests; it holds a password, so for its owner only. */
export function writeDeployment(deployment: Deployment): string {
  mkdirSync(FOLDER, { recursive: true })
  rmSync(FILE, { force: true })
  writeFileSync(FILE, `${JSON.stringify(deployment, null, 2)}\n`, { mode: 0o600 })
  return FILE
}

/** The one that was written down; undefined when there is none. */
export function readDeployment(): Deployment | undefined {
  try {
    return JSON.parse(readFileSync(FILE, 'utf8'))
  } catch {
    return undefined
  }
}

/** Forgets it. */
export function forgetDeployment(): void {
  rmSync(FILE, { force: true })
}

const FILE = join(FOLDER, 'running.json')
