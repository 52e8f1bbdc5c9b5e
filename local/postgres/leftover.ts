import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { errno, ifMissing } from '../errno.ts'
import type { PostgresPrograms } from './programs.ts'

const run = promisify(execFile)

const SHUTDOWN_MS = 30_000

/**
 * Stops the server of this data folder that is still running after its parent was killed. The caller must hold the lock of the folder,
 * so that no live process owns the server. Throws if it does not stop.
 */
export async function stopLeftover(data: string, programs: PostgresPrograms): Promise<void> {
  const file = join(data, 'postmaster.pid')
  const pid = Number.parseInt((await readFile(file, 'utf8').catch(ifMissing)) ?? '', 10)
  if (!(pid > 0)) return
  if (!(await isServerOf(data, pid))) {
    // Postgres itself would take any process with that id and user for a running server.
    if (isAlive(pid)) await rm(file, { force: true })
    return
  }
  for (const name of ['INT', 'QUIT'] as const) {
    await signalPostgres(programs, pid, name)
    for (let waited = 0; waited < SHUTDOWN_MS; waited += 50) {
      await sleep(50)
      if (!(await isServerOf(data, pid))) return
    }
  }
  throw new Error(`Postgres (process ${pid}) still runs in ${data} after an earlier start, and does not stop`)
}

/** Shown by ps, and different for each data folder: the command line of a server that dropped root does not name its folder. */
export function clusterName(data: string): string {
  return `catalog-${createHash('sha256').update(data).digest('hex').slice(0, 16)}`
}

/** INT is Postgres' fast shutdown, QUIT its immediate one. Windows has neither signal, so pg_ctl sends them there. */
export async function signalPostgres(programs: PostgresPrograms, pid: number, name: 'INT' | 'QUIT'): Promise<void> {
  if (process.platform === 'win32') {
    await run(join(programs.bin, 'pg_ctl'), ['kill', name, String(pid)])
    return
  }
  try {
    process.kill(pid, `SIG${name}`)
  } catch (error) {
    // It has ended by itself.
    if (errno(error) !== 'ESRCH') throw error
  }
}

/** Checks the command line, which every user may read; /proc/<pid>/cwd may be closed even to root in a container. */
async function isServerOf(data: string, pid: number): Promise<boolean> {
  if (!isAlive(pid)) return false
  if (process.platform === 'win32') return true
  const command = process.platform === 'linux' ? await commandOnLinux(pid) : await commandElsewhere(pid)
  return command.includes(clusterName(data))
}

/** Empty for a process that has ended, and for a zombie. */
async function commandOnLinux(pid: number): Promise<string> {
  return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(error => {
    if (errno(error) === 'ENOENT' || errno(error) === 'ESRCH') return ''
    throw error
  })
}

async function commandElsewhere(pid: number): Promise<string> {
  const { stdout } = await run('ps', ['-ww', '-o', 'command=', '-p', String(pid)]).catch(error => {
    if (error.code === 1) return { stdout: '' }
    throw error
  })
  return stdout
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return errno(error) === 'EPERM'
  }
}
