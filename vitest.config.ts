import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

// Workers and the programs that tests start compile the same code again and again. This is Node's own folder for it.
process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), 'node-compile-cache')

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/postgres.ts', 'test/support/run-folder.ts'],
    maxWorkers: 3,
    // A worker keeps the modules that a file has loaded for the next file: a fifth of the time of a run.
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
