import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FileHandle, open, readFile, rename, stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { ifMissing } from '../errno.ts'
import { dataArgument } from './cluster.ts'
import { clusterName, signalPostgres } from './leftover.ts'
import type { PostgresPrograms, PostgresUser } from './programs.ts'

/** A running server. `exited` resolves when it has ended; `logTail` returns what it has logged since its start, at most 20 lines. */
export type PostgresProcess = {
  pid: number
  exited: Promise<void>
  hasExited(): boolean
  logTail(): Promise<string>
  stop(): Promise<void>
}

type Launch = { folder: string; data: string; port: number; settings: Record<string, string> }

const LOG_LIMIT_BYTES = 10 * 1024 * 1024
const FAST_SHUTDOWN_MS = 30_000

/**
 * Starts the server on loopback; it may not accept connections yet. It logs to `<folder>/postgres.log` and shuts down when this
 * process is killed.
 */
export async function launchPostgres(
  launch: Launch,
  programs: PostgresPrograms,
  user: PostgresUser | undefined,
): Promise<PostgresProcess> {
  const { folder, data, port } = launch
  const ours = { listen_addresses: '127.0.0.1', unix_socket_directories: '', port: String(port), cluster_name: clusterName(data) }
  const settings = { ...launch.settings, ...ours }
  const log = join(folder, 'postgres.log')
  const { handle, start } = await openLog(log)
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  // In its own process group, so that Ctrl-C does not stop the database before the parts that still write to it.
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
  const watchdog = startWatchdog(pid, user)
  const hasExited = () => child.exitCode !== null || child.signalCode !== null
  const stopWatchdog = () => watchdog?.kill('SIGKILL')
  exited.then(stopWatchdog)
  const stop = async () => {
    if (!hasExited()) await signalPostgres(programs, pid, 'INT')
    stopWatchdog()
    const slow = setTimeout(() => signalPostgres(programs, pid, 'QUIT'), FAST_SHUTDOWN_MS)
    await exited
    clearTimeout(slow)
  }
  const logTail = async () => (await readFile(log)).subarray(start).toString('utf8').trim().split('\n').slice(-20).join('\n')
  return { pid, exited, hasExited, logTail, stop }
}

async function openLog(path: string): Promise<{ handle: FileHandle; start: number }> {
  const before = await stat(path).catch(ifMissing)
  if (before && before.size > LOG_LIMIT_BYTES) await rename(path, `${path}.1`)
  const handle = await open(path, 'a', 0o600)
  return { handle, start: (await handle.stat()).size }
}

/** A shell that waits for the end of its input, which comes when this process ends in any way, and then stops the server. */
function startWatchdog(pid: number, user: PostgresUser | undefined): ChildProcess | undefined {
  if (process.platform === 'win32' || pid === 0) return undefined
  const watchdog = spawn('/bin/sh', ['-c', 'read -r _; kill -INT "$0"', String(pid)], {
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    ...user,
  })
  watchdog.unref()
  const input = watchdog.stdin
  if (input instanceof Socket) input.unref()
  return watchdog
}
