import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { FolderInUse, lockFolder } from '../folder-lock.ts'

/** Written by keep-postgres.ts while it runs. */
export type KeptPostgres = { pid: number; url: string }

/** The files of keep-postgres.ts: data, address, port and log. */
export function keptFiles(folder: string) {
  return {
    data: join(folder, 'postgres'),
    address: join(folder, 'postgres.json'),
    port: join(folder, 'postgres.port'),
    log: join(folder, 'keeper.log'),
  }
}

const TIMEOUT_MS = 60_000

/** Starts the Postgres that npm installed, in a process that outlives this one, unless it runs already. Returns its address. */
export async function keepPostgres(folder: string): Promise<string> {
  const running = readKept(folder)
  if (running && isHeld(folder)) return running.url
  mkdirSync(folder, { recursive: true })
  const log = openSync(keptFiles(folder).log, 'a', 0o600)
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', KEEPER, folder], {
    cwd: folder,
    stdio: ['ignore', log, log],
    detached: true,
  })
  let hasExited = false
  child.once('exit', () => {
    hasExited = true
  })
  child.unref()
  closeSync(log)
  for (const end = performance.now() + TIMEOUT_MS; performance.now() < end && !hasExited; await sleep(100)) {
    const kept = readKept(folder)
    if (kept && kept.pid === child.pid) return kept.url
  }
  if (!hasExited) child.kill()
  throw new Error(`Postgres did not start; ${keptFiles(folder).log} says why`)
}

/** Stops it and returns whether it ran; `forget` also removes its data. */
export async function stopPostgres(folder: string, forget: boolean): Promise<boolean> {
  const kept = readKept(folder)
  const isRunning = kept && isHeld(folder) ? await end(folder, kept) : false
  if (forget) for (const path of Object.values(keptFiles(folder))) rmSync(path, { recursive: true, force: true })
  return isRunning
}

async function end(folder: string, { pid }: KeptPostgres): Promise<true> {
  process.kill(pid, 'SIGTERM')
  for (const end = performance.now() + TIMEOUT_MS; isHeld(folder); await sleep(100)) {
    if (performance.now() > end) throw new Error(`Postgres does not stop; its process is ${pid}`)
  }
  return true
}

const KEEPER = join(import.meta.dirname, 'keep-postgres.ts')

/** The file may be of a keeper that was killed: `isHeld` says whether one runs. */
function readKept(folder: string): KeptPostgres | undefined {
  try {
    return JSON.parse(readFileSync(keptFiles(folder).address, 'utf8'))
  } catch {
    return undefined
  }
}

function isHeld(folder: string): boolean {
  try {
    lockFolder(keptFiles(folder).data).release()
    return false
  } catch (error) {
    if (error instanceof FolderInUse) return true
    throw error
  }
}
