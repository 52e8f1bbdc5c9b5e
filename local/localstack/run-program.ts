import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'

/** The repository. */
export const ROOT = join(import.meta.dirname, '../..')

/** How a program is run: additional environment, a timeout in minutes, and which lines of its output are shown (all unless set). */
export type RunOptions = { env?: Record<string, string>; minutes: number; shown?: RegExp }

/** For `shown`: no line at all. */
export const NOTHING = /(?!)/

/**
 * Runs a program in the repository, with `node_modules/.bin` first in the path, and returns its output. Throws when it does not exist, ends with
 * a code other than 0, or takes too long; then it is ended with all its children.
 */
export async function runProgram(program: string, args: string[], { env, minutes, shown }: RunOptions): Promise<string> {
  const path = [join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter)
  const child = spawn(program, args, {
    cwd: ROOT,
    env: { ...process.env, ...env, PATH: path },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that all of it can be ended.
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', line => {
      output += `${line}\n`
      if (!shown || shown.test(line)) process.stderr.write(`${line}\n`)
    })
  }
  const endGroup = (signal: NodeJS.Signals) => {
    if (child.pid) process.kill(-child.pid, signal)
  }
  const late = setTimeout(() => endGroup('SIGKILL'), minutes * 60_000)
  const stop = () => {
    endGroup('SIGTERM')
    process.exit(130)
  }
  for (const signal of STOPPING) process.once(signal, stop)
  try {
    const [code, signal] = await once(child, 'close')
    if (code === 0) return output
    const how = signal === 'SIGKILL' ? `took longer than ${minutes} minutes` : `ended with ${code ?? signal}`
    const said = shown && output.trim() ? `:\n${output.trim().split('\n').slice(-30).join('\n')}` : ''
    throw new Error(`${program} ${how}${said}`)
  } finally {
    clearTimeout(late)
    for (const signal of STOPPING) process.off(signal, stop)
  }
}

const STOPPING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
