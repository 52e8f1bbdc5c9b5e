import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { emptyDatabaseTest } from './database.ts'

/** Texts of migration files by their path in the folder. */
export type Files = Record<string, string>

/** A test with an empty database and a migrations folder, which `write` fills. */
export const migrationTest = emptyDatabaseTest.extend<{ folder: string; write: (files: Files) => Promise<void> }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures a fixture needs
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'migrations-'))
    await use(folder)
    await rm(folder, { recursive: true })
  },
  write: async ({ folder }, use) => {
    await use(async files => {
      for (const [name, text] of Object.entries(files)) {
        await mkdir(dirname(join(folder, name)), { recursive: true })
        await writeFile(join(folder, name), text)
      }
    })
  },
})
