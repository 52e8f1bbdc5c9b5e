import { existsSync, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { errno } from './errno.ts'

/** A folder held by this process; `release` gives it up, and so does the end of the process, however it ends. */
export type FolderLock = { folder: string; release(): void }

/** Another process holds the folder. */
export class FolderInUse extends Error {}

/** It can't be made, or not be written into. */
class FolderUnusable extends Error {}

/**
 * Takes a folder (made if missing) for this process alone, or throws FolderInUse, which names the process that holds it, or what else is wrong.
 * The lock is the kernel's, held through SQLite on `<folder>/lock`, so none is left behind by `kill -9`; `<folder>/lock.pid` only names the holder.
 */
export function lockFolder(folder: string): FolderLock {
  makeFolder(folder)
  const real = realpathSync(folder)
  const database = openLock(real)
  try {
    // A process id with a start time would do on Linux only, and two starts could both replace a stale one.
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

/** Not mkdir's own recursion: below /proc, where nothing can be made, Node's tries for ever. */
function makeFolder(folder: string): void {
  try {
    if (!existsSync(folder) && !existsSync(dirname(folder))) makeFolder(dirname(folder))
    mkdirSync(folder)
  } catch (error) {
    if (!(error instanceof Error) || error instanceof FolderUnusable) throw error
    if (errno(error) === 'EEXIST' && statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
    const reason = errno(error) === 'EEXIST' ? 'is a file, not a folder' : `can't be made (${errno(error)})`
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
  return new FolderUnusable(`Nothing can be written into ${folder}: choose another folder`, { cause })
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
