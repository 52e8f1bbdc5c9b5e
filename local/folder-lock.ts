import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { errno } from './errno.ts'

/** A folder held by this process; `release` gives it up, and so does the end of the process, however it ends. */
export type FolderLock = { folder: string; release(): void }

/** Another process holds the folder. */
export class FolderInUse extends Error {}

/**
 * Takes a folder (made if missing) for this process alone, or throws FolderInUse, which names the process that holds it.
 * The lock is the kernel's, held through SQLite on `<folder>/lock`, so none is left behind by `kill -9`; `<folder>/lock.pid` only names the holder.
 */
export function lockFolder(folder: string): FolderLock {
  mkdirSync(folder, { recursive: true })
  const real = realpathSync(folder)
  const database = new DatabaseSync(join(real, 'lock'))
  try {
    // A process id with a start time would do on Linux only, and two starts could both replace a stale one.
    database.exec('pragma busy_timeout = 0; begin exclusive')
  } catch (error) {
    database.close()
    if (isBusy(error))
      throw new FolderInUse(`${real} is in use by process ${holder(real)}: stop it, or choose another folder`, { cause: error })
    throw error
  }
  writeFileSync(join(real, 'lock.pid'), `${process.pid}\n`)
  held.add(database)
  const release = () => {
    if (held.delete(database)) database.close()
  }
  return { folder: real, release }
}

/** A database that nothing refers to is closed by the garbage collector, and the lock is gone with it. */
const held = new Set<DatabaseSync>()

const SQLITE_BUSY = 5

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
}

function holder(folder: string): string {
  try {
    return readFileSync(join(folder, 'lock.pid'), 'utf8').trim()
  } catch (error) {
    // It has taken the lock, but not written its id yet.
    if (errno(error) === 'ENOENT') return '(unknown)'
    throw error
  }
}
