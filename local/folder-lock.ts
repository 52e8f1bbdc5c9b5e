import { existsSync, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { errno } from './errno.ts'

/** A folder locked by this process. `release` unlocks it; so does the end of the process, even by `kill -9`. */
export type FolderLock = { folder: string; release(): void }

/** Another process has locked the folder. */
export class FolderInUse extends Error {}

/** The folder can't be created or written to. */
class FolderUnusable extends Error {}

/**
 * Locks a folder for this process and creates it if needed. Throws FolderInUse with the id of the process that has locked it, or
 * an error that says why the folder can't be used. The lock is a kernel lock that SQLite takes on `<folder>/lock`, so it is
 * released by `kill -9` too; `<folder>/lock.pid` only names its owner.
 */
export function lockFolder(folder: string): FolderLock {
  makeFolder(folder)
  const real = realpathSync(folder)
  const database = openLock(real)
  try {
    // A file with a process id and its start time would work on Linux only, and two starts could both replace a stale one.
    database.exec('pragma busy_timeout = 0; begin exclusive')
  } catch (error) {
    database.close()
    if (isBusy(error))
      throw new FolderInUse(`${real} is in use by process ${holder(real)}: stop it, or choose another folder`, { cause: error })
    throw unwritable(real, error)
  }
  writeFileSync(join(real, 'lock.pid'), `${process.pid}\n`)
  held.add(database)
  const release = () => {
    if (held.delete(database)) database.close()
  }
  return { folder: real, release }
}

/** Not mkdir's `recursive`: below /proc, where nothing can be created, Node retries forever. */
function makeFolder(folder: string): void {
  try {
    if (!existsSync(folder) && !existsSync(dirname(folder))) makeFolder(dirname(folder))
    mkdirSync(folder)
  } catch (error) {
    if (!(error instanceof Error) || error instanceof FolderUnusable) throw error
    if (errno(error) === 'EEXIST' && statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
    const reason = errno(error) === 'EEXIST' ? 'is a file, not a folder' : `can't be created (${errno(error)})`
    throw new FolderUnusable(`${folder} ${reason}: choose another folder`, { cause: error })
  }
}

function openLock(folder: string): DatabaseSync {
  try {
    return new DatabaseSync(join(folder, 'lock'))
  } catch (error) {
    throw unwritable(folder, error)
  }
}

function unwritable(folder: string, cause: unknown): FolderUnusable {
  return new FolderUnusable(`${folder} is not writable: choose another folder`, { cause })
}

/** Referenced here, because the garbage collector would close the database and so release the lock. */
const held = new Set<DatabaseSync>()

const SQLITE_BUSY = 5

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
}

function holder(folder: string): string {
  try {
    return readFileSync(join(folder, 'lock.pid'), 'utf8').trim()
  } catch (error) {
    // It has taken the lock but has not written its id yet.
    if (errno(error) === 'ENOENT') return '(unknown)'
    throw error
  }
}
