import { DatabaseSync, type SQLTagStore } from 'node:sqlite'

/** The statement cache of one SQLite database; values in its templates are bound, never spliced. */
export type Statements = SQLTagStore

/** Opens a SQLite file (or `:memory:`) in WAL mode: a crash of the process loses nothing committed, a power cut at most the last moments, never consistency. */
export function openDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path)
  db.exec('pragma journal_mode = wal; pragma synchronous = normal; pragma busy_timeout = 5000; pragma foreign_keys = on')
  return db
}

/** Runs synchronous work in one transaction, joining the one that is open; an error undoes all of it and is thrown on. */
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
