import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const NODE = join(import.meta.dirname, '../../node_modules/.bin/node')

/** What a fresh process did with a bundle: milliseconds until its handler was imported and until it had responded. */
export type BundleRun = { importMs: number; respondedMs: number; response: unknown }

/** As Lambda's runtime does it. JavaScript as text, because loading TypeScript loads half of Node before the clock starts. */
const PROGRAM = `
  const [file, event] = process.argv.slice(1)
  const start = performance.now()
  const { handler } = await import(file)
  const imported = performance.now()
  const response = event && (await handler(JSON.parse(event), { getRemainingTimeInMillis: () => 60_000 }))
  const times = { importMs: imported - start, respondedMs: performance.now() - start }
  process.stdout.write('\\n' + JSON.stringify({ ...times, response }), () => process.exit())
`

/** Imports the bundle in a folder in its own process and invokes its handler with an event, if there is one; no other code of ours is loaded. */
export async function runBundle(folder: string, env: Record<string, string>, event?: unknown): Promise<BundleRun> {
  const args = [
    '--input-type=module',
    '--eval',
    PROGRAM,
    join(folder, 'index.mjs'),
    event === undefined ? '' : JSON.stringify(event),
  ]
  const { stdout } = await promisify(execFile)(NODE, args, { cwd: folder, env })
  return JSON.parse(stdout.split('\n').at(-1) ?? '')
}

/** Imports each file of a bundle, also those that no event of a test loads. Rejects when a file needs one that is missing. */
export async function importEveryFile(folder: string, env: Record<string, string>): Promise<void> {
  const files = readdirSync(folder).filter(file => file.endsWith('.mjs'))
  const program = `await Promise.all(${JSON.stringify(files)}.map(file => import(${JSON.stringify(folder)} + '/' + file))); process.exit()`
  await promisify(execFile)(NODE, ['--input-type=module', '--eval', program], { cwd: folder, env })
}

/** Bytes of JavaScript in a bundle: what is loaded before the handler is there, and all of it. */
export function sizeOfBundle(folder: string): { start: number; whole: number } {
  const bytes = (files: Iterable<string>) => [...files].reduce((sum, file) => sum + readFileSync(join(folder, file)).length, 0)
  return { start: bytes(startPath(folder)), whole: bytes(readdirSync(folder).filter(file => file.endsWith('.mjs'))) }
}

/** The files that are imported from the beginning. */
function startPath(folder: string, file = 'index.mjs', found = new Set<string>()): Set<string> {
  found.add(file)
  for (const [, next = ''] of readFileSync(join(folder, file), 'utf8').matchAll(/(?:from|import)"\.\/([^"]+)"/g)) {
    if (!found.has(next)) startPath(folder, next, found)
  }
  return found
}
