import { join } from 'node:path'
import { NOTHING, ROOT, runProgram } from './run-program.ts'

const FILE = join(ROOT, 'docker-compose.localstack.yml')

/** A client of Docker Compose and our file: `run('up', '--detach')`. */
export type Compose = { name: string; run(...args: string[]): Promise<string>; ask(...args: string[]): Promise<string> }

/** `docker compose`, or the older `docker-compose`; undefined when neither is installed. */
export async function findCompose(): Promise<Compose | undefined> {
  for (const [program = '', ...first] of [['docker', 'compose'], ['docker-compose']]) {
    const isThere = await runProgram(program, [...first, 'version'], { minutes: 0.5, shown: NOTHING }).catch(() => undefined)
    if (isThere === undefined) continue
    // A fixed project name: the default one is the name of the folder, which other projects may have too.
    const args = (rest: string[]) => [...first, '--project-name', 'storage-catalog', '--file', FILE, ...rest]
    return {
      name: [program, ...first].join(' '),
      run: (...rest) => runProgram(program, args(rest), { minutes: 15 }),
      ask: (...rest) => runProgram(program, args(rest), { minutes: 0.5, shown: NOTHING }),
    }
  }
}

/** Whether a service of our file runs; no Docker is no. */
export async function runs(compose: Compose | undefined, service: string): Promise<boolean> {
  const running = await compose?.ask('ps', '--services', '--filter', 'status=running').catch(() => '')
  return running?.split('\n').includes(service) ?? false
}

/** The addresses of the Postgres in our file, for this machine and for the containers of functions. */
export function composePostgres(env: NodeJS.ProcessEnv = process.env): { url: string; functionsUrl: string } {
  return {
    url: `postgres://catalog_owner:catalog@127.0.0.1:${env.CATALOG_POSTGRES_PORT || 5433}/catalog`,
    functionsUrl: 'postgres://catalog_owner:catalog@postgres:5432/catalog',
  }
}
