import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { startPostgres } from '../postgres/postgres.ts'
import { keptFiles } from './embedded-postgres.ts'

/** Runs Postgres in a folder until SIGTERM. Postgres ends with the process that started it, so this one keeps running. */
async function main(folder: string): Promise<void> {
  const { data, address, port } = keptFiles(folder)
  const postgres = await startPostgres({ folder: data, port: rememberedPort(port) })
  writeFileSync(port, `${postgres.port}\n`)
  writeFileSync(address, `${JSON.stringify({ pid: process.pid, url: postgres.url })}\n`, { mode: 0o600 })
  await Promise.race([signal('SIGTERM'), signal('SIGINT'), postgres.exited])
  rmSync(address, { force: true })
  await postgres.stop()
}

/** The same address each time, so that functions that were deployed with it still find it. */
function rememberedPort(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined
  } catch {
    return undefined
  }
}

function signal(name: NodeJS.Signals): Promise<void> {
  return new Promise(resolve => process.once(name, () => resolve()))
}

// Whoever started it may be gone, and its terminal with it.
process.on('SIGHUP', () => undefined)
await main(process.argv[2] ?? '.')
