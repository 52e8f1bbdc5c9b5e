import { DatabaseSync, type SQLTagStore } from 'node:sqlite'

/** The statement cache of one SQLite database. Values in its templates are bound parameters. */
export type Statements = SQLTagStore

/**
 * Opens a SQLite file (or `:memory:`) in WAL mode. A crash of the process loses nothing that was committed. A power cut may lose
 * the last commits, never consistency.
 */
export function openDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path)
  db.exec('pragma journal_mode = wal; pragma synchronous = normal; pragma busy_timeout = 5000; pragma foreign_keys = on')
  return db
}

/** Runs synchronous work in one transaction and joins an open one. An error rolls it back and is thrown again. */
export function transaction<T>(db: DatabaseSync, work: () => T): T {
  if (db.isTransaction) return work()
  db.exec('begin immediate')
  try {
    const result = work()
    db.exec('commit')
    return result
  } catch (error) {
    if (db.isTransaction) db.exec('rollback')
    throw error
  }
}
