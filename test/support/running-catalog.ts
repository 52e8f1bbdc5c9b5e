import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Addresses } from '../../local/catalog.ts'
import { makeDataFolder } from './postgres/data-folder.ts'

const ROOT = join(import.meta.dirname, '../..')

/** A catalog as `npm start` runs it: its own process on free ports. `output` is what it printed. */
export type RunningCatalog = Addresses & {
  process: ChildProcess
  folder: string
  output(): string
  /** Kills it as `kill -9` does, and starts it again on its folder. */
  killAndRestart(): Promise<RunningCatalog>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts one in its own folder, for `await using`, which also removes the folder. */
export async function runCatalog(folder?: string, env: Record<string, string> = {}): Promise<RunningCatalog> {
  const data = folder ?? (await makeDataFolder('storage-catalog-run-'))
  const started = startCatalogProcess({ CATALOG_DATA: data, CATALOG_API_PORT: '0', CATALOG_S3_PORT: '0', ...env })
  const addresses = await readAddresses(started, join(data, 'running.json'))
  return {
    ...addresses,
    ...started,
    folder: data,
    async killAndRestart() {
      await end(started.process, 'SIGKILL')
      return runCatalog(data, env)
    },
    async [Symbol.asyncDispose]() {
      await end(started.process, 'SIGINT')
      if (started.process.signalCode !== 'SIGKILL') await rm(data, { recursive: true, force: true })
    },
  }
}

/** `node local/start.ts` with these settings; it may end by itself. */
export function startCatalogProcess(env: Record<string, string>): { process: ChildProcess; output(): string } {
  const node = join(ROOT, 'node_modules/.bin/node')
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', 'local/start.ts'], {
    cwd: ROOT,
    env: { ...process.env, ...env },
  })
  let output = ''
  child.stdout.on('data', chunk => (output += chunk))
  child.stderr.on('data', chunk => (output += chunk))
  return { process: child, output: () => output }
}

async function readAddresses(
  { process: child, output }: ReturnType<typeof startCatalogProcess>,
  file: string,
): Promise<Addresses> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`The catalog ended with ${child.exitCode}:\n${output()}`)
    // A killed catalog leaves a file that names its own process.
    const addresses = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8') || '{}') : {}
    if (addresses.pid === child.pid) return addresses
    await sleep(50)
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}
