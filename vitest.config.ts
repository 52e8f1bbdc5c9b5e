import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

// Workers and the programs that tests start compile the same code again and again. This is Node's own folder for it.
process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), 'node-compile-cache')

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/postgres/postgres.ts', 'test/support/run/run-folder.ts'],
    setupFiles: ['test/support/run/leaves-nothing.ts'],
    maxWorkers: 4,
    // A worker keeps the modules that a file has loaded for the next file: a fifth of the time of a run.
    isolate: false,
    // What a file has put in the place of console.error ends with its test.
    restoreMocks: true,
    testTimeout: 30_000,
    hookTimeout: 120_000,
  },
})
