#!/usr/bin/env node
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { constants } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

// JavaScript for any Node from 20 on: the commands are TypeScript, which only the repository's own Node 24 runs directly.
const launcher = fileURLToPath(import.meta.url)

// Halves the time until a command starts: Node keeps the compiled code in the folder for temporary files.
module.enableCompileCache?.()
if (process.features.typescript) await import('./main.ts')
else runWithOwnNode()

function runWithOwnNode() {
  const modules = join(launcher, '../../node_modules')
  const node = ['node/bin/node', 'node/bin/node.exe', '.bin/node'].map(path => join(modules, path)).find(existsSync)
  if (!node) {
    console.error(
      `catalog: this is Node ${process.version}; the Node 24 of the repository is missing: run npm ci in ${join(launcher, '../..')}`,
    )
    process.exit(1)
  }
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', launcher, ...process.argv.slice(2)], { stdio: 'inherit' })
  // A terminal sends signals to both processes, npx and shell scripts only to this one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', error => {
    console.error(`catalog: ${node} cannot be started: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}
