import { accessSync, constants, statfsSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Linux' file system in memory. A container often has 64 MB of it, and the databases of a run need up to 2 GB. */
const MEMORY = { folder: '/dev/shm', bytes: 4 * 1024 ** 3 }

/**
 * The folder below which tests keep databases. In memory where there is enough: creating and dropping a database takes a fifth
 * of the time it takes on a disk (138 ms against 600 ms on a busy machine).
 */
export const DATA_ROOT = hasMemory() ? MEMORY.folder : tmpdir()

/** Makes an empty folder below DATA_ROOT. */
export function makeDataFolder(prefix: string): Promise<string> {
  return mkdtemp(join(DATA_ROOT, prefix))
}

function hasMemory(): boolean {
  try {
    accessSync(MEMORY.folder, constants.W_OK)
    const { bavail, bsize } = statfsSync(MEMORY.folder)
    return bavail * bsize >= MEMORY.bytes
  } catch {
    return false
  }
}
