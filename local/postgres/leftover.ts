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
 * Stops the server of this data folder that a killed process left behind. The caller must hold the lock of the folder, so that
 * what still runs belongs to nobody. Throws when it does not end.
 */
export async function stopLeftover(data: string, programs: PostgresPrograms): Promise<void> {
  const file = join(data, 'postmaster.pid')
  const pid = Number.parseInt((await readFile(file, 'utf8').catch(ifMissing)) ?? '', 10)
  if (!(pid > 0)) return
  if (!(await isServerOf(data, pid))) {
    // Postgres itself would take any process of that number and user for its own.
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
  throw new Error(`Postgres (process ${pid}) was left over in ${data} and does not stop`)
}

/** Shown by ps, and different for each data folder, which the command line of a server that left root behind does not tell. */
export function clusterName(data: string): string {
  return `catalog-${createHash('sha256').update(data).digest('hex').slice(0, 16)}`
}

/** INT is Postgres' fast shutdown, QUIT its immediate one; Windows knows neither, so pg_ctl sends them there. */
export async function signalPostgres(programs: PostgresPrograms, pid: number, name: 'INT' | 'QUIT'): Promise<void> {
  if (process.platform === 'win32') {
    await run(join(programs.bin, 'pg_ctl'), ['kill', name, String(pid)])
    return
  }
  try {
    process.kill(pid, `SIG${name}`)
  } catch (error) {
    // It ended by itself meanwhile.
    if (errno(error) !== 'ESRCH') throw error
  }
}

/** By its command line, which every user may read; where it works (/proc/<pid>/cwd) root may not see in a container. */
async function isServerOf(data: string, pid: number): Promise<boolean> {
  if (!isAlive(pid)) return false
  if (process.platform === 'win32') return true
  const command = process.platform === 'linux' ? await commandOnLinux(pid) : await commandElsewhere(pid)
  return command.includes(clusterName(data))
}

/** Empty for a process that has ended, or has and waits for its parent to notice. */
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
