import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FileHandle, open, readFile, readlink, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { errno, ifMissing } from './errno.ts'
import { dataArgument } from './postgres-cluster.ts'
import type { PostgresPrograms, PostgresUser } from './postgres-programs.ts'

/** A running server. `exited` resolves when it has ended; `logTail` is what it wrote since its start, at most its last 20 lines. */
export type PostgresProcess = {
  pid: number
  exited: Promise<void>
  hasExited(): boolean
  logTail(): Promise<string>
  stop(): Promise<void>
}

type Launch = { folder: string; data: string; port: number; settings: Record<string, string> }

const run = promisify(execFile)

const LOG_LIMIT_BYTES = 10 * 1024 * 1024
const FAST_SHUTDOWN_MS = 30_000

/** Starts the server on loopback; it may not be ready yet. It writes to `<folder>/postgres.log`, and stops by itself when we are killed. */
export async function launchPostgres(
  launch: Launch,
  programs: PostgresPrograms,
  user: PostgresUser | undefined,
): Promise<PostgresProcess> {
  const { folder, data, port } = launch
  const settings = { ...launch.settings, listen_addresses: '127.0.0.1', unix_socket_directories: '', port: String(port) }
  const log = join(folder, 'postgres.log')
  const { handle, start } = await openLog(log)
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  // In a process group of its own, so that Ctrl-C reaches us alone and the database outlives whoever still writes to it.
  const child = spawn(join(programs.bin, 'postgres'), ['-D', dataArgument(data, user), ...options], {
    cwd: data,
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', handle.fd, handle.fd],
    detached: true,
    ...user,
  })
  const exited = once(child, 'exit').then(() => undefined)
  await Promise.race([once(child, 'spawn'), exited])
  await handle.close()
  const pid = child.pid ?? 0
  const watch = watchOver(pid, user)
  const hasExited = () => child.exitCode !== null || child.signalCode !== null
  const stop = async () => {
    if (!hasExited()) await signal(programs, pid, 'INT')
    const slow = setTimeout(() => signal(programs, pid, 'QUIT'), FAST_SHUTDOWN_MS)
    await exited
    clearTimeout(slow)
    watch?.kill('SIGKILL')
  }
  const logTail = async () => (await readFile(log)).subarray(start).toString('utf8').trim().split('\n').slice(-20).join('\n')
  return { pid, exited, hasExited, logTail, stop }
}

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
    await signal(programs, pid, name)
    for (let waited = 0; waited < FAST_SHUTDOWN_MS; waited += 50) {
      await sleep(50)
      if (!(await isServerOf(data, pid))) return
    }
  }
  throw new Error(`Postgres (process ${pid}) was left over in ${data} and does not stop`)
}

async function openLog(path: string): Promise<{ handle: FileHandle; start: number }> {
  const before = await stat(path).catch(ifMissing)
  if (before && before.size > LOG_LIMIT_BYTES) await rename(path, `${path}.1`)
  const handle = await open(path, 'a', 0o600)
  return { handle, start: (await handle.stat()).size }
}

/** A shell that waits for the end of its input, which comes when we end in whatever way, and then shuts the server down. */
function watchOver(pid: number, user: PostgresUser | undefined): ChildProcess | undefined {
  if (process.platform === 'win32' || pid === 0) return undefined
  const watch = spawn('/bin/sh', ['-c', 'read -r _; kill -INT "$0"', String(pid)], {
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    ...user,
  })
  watch.unref()
  const input = watch.stdin
  if (input && 'unref' in input && typeof input.unref === 'function') input.unref()
  return watch
}

async function isServerOf(data: string, pid: number): Promise<boolean> {
  if (!isAlive(pid)) return false
  if (process.platform === 'linux') return (await readlink(`/proc/${pid}/cwd`).catch(unreadable)) === data
  if (process.platform === 'win32') return true
  const { stdout } = await run('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({ stdout: '' }))
  return stdout.includes('postgres') && stdout.includes(data)
}

/** The process has ended meanwhile, is a zombie, or is another user's. */
function unreadable(error: unknown): undefined {
  if (!['ENOENT', 'EACCES', 'ESRCH', 'EPERM'].includes(errno(error) ?? '')) throw error
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return errno(error) === 'EPERM'
  }
}

/** INT is Postgres' fast shutdown, QUIT its immediate one; Windows knows neither, so pg_ctl sends them there. */
async function signal(programs: PostgresPrograms, pid: number, name: 'INT' | 'QUIT'): Promise<void> {
  if (process.platform === 'win32') await run(join(programs.bin, 'pg_ctl'), ['kill', name, String(pid)])
  else if (isAlive(pid)) process.kill(pid, `SIG${name}`)
}
