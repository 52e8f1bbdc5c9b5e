import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder that all workers of a run share, removed when it ends. */
    runFolder: string
  }
}

/** vitest's global setup: the folder of the run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'storage-catalog-tests-'))
  // An abort makes vitest end without a teardown.
  const abandon = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', abandon)
  project.provide('runFolder', folder)
  return async () => {
    process.off('exit', abandon)
    await rm(folder, { recursive: true })
  }
}
