import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { openDatabase, type Statements, transaction } from '../../sqlite.ts'
import type { BodyStore } from '../bodies/body-store.ts'
import { openFileBodyStore } from '../bodies/file-body-store.ts'
import { memoryBodyStore } from '../bodies/memory-body-store.ts'
import type { Change } from './change.ts'
import { schema } from './schema.ts'
import { startSequence } from './sequence.ts'

/** The state of the S3 endpoint: metadata in SQLite, bodies in files. Knows no rules of S3; those are functions that take it first. */
export type Store = {
  db: DatabaseSync
  sql: Statements
  bodies: BodyStore
  /** The time in ms since 1970. */
  now(): number
  /** The next rank; see `startSequence`. */
  nextSequence(): number
  /** Runs synchronous work in one transaction. Bodies released in it are removed after it if nothing refers to them any more. */
  transaction<T>(work: () => T): T
  /** Marks bodies for removal; call it inside a transaction. */
  releaseBodies(bodies: string[]): void
  /** Publishes a change inside the transaction that makes it. */
  publish(change: Change): void
  /** Conditional writes in progress; `isDisturbed` is set when the key is deleted meanwhile. */
  conditionalWrites: Set<{ bucket: string; key: string; isDisturbed: boolean }>
  /** Removes the bodies that nothing refers to now, not within a second. */
  cleanUp(): Promise<void>
  close(): Promise<void>
}

/** Opens the store in a folder, or in memory for `:memory:`. `publish` is called inside the transaction of each change. */
export async function openStore(
  folder: string,
  clock: () => number,
  publish: (db: DatabaseSync) => Store['publish'],
): Promise<Store> {
  const inMemory = folder === ':memory:'
  if (!inMemory) await mkdir(folder, { recursive: true })
  const db = openDatabase(inMemory ? folder : join(folder, 's3.sqlite'))
  db.exec(schema)
  const sql = db.createTagStore()
  const isReferenced = (body: string) =>
    sql.get`select 1 from segment where body = ${body} union all select 1 from part where body = ${body} limit 1` !== undefined
  const bodies = inMemory ? memoryBodyStore() : await openFileBodyStore(join(folder, 'objects'), isReferenced)
  const last = sql.get`
    select max(coalesce((select max(sequence) from version), 0), coalesce((select max(sequence) from upload), 0)) as sequence`
  const released = new Set<string>()
  const cleanup = startCleanup(db, bodies)

  return {
    db,
    sql,
    bodies,
    now: clock,
    nextSequence: startSequence(clock, Number(last?.sequence)),
    transaction(work) {
      if (db.isTransaction) return work()
      released.clear()
      const result = transaction(db, work)
      for (const body of released) if (!isReferenced(body)) cleanup.add(body)
      return result
    },
    releaseBodies(names) {
      for (const name of names) released.add(name)
    },
    publish: publish(db),
    conditionalWrites: new Set(),
    cleanUp: cleanup.run,
    async close() {
      await cleanup.run()
      db.close()
    },
  }
}

/** How long a body that nothing refers to is kept, in ms: many are removed in one run. */
const CLEANUP_AFTER_MS = 1000

// A body is removed only after the deletion of its version is on disk (the checkpoint syncs it). A power cut may bring the version
// back, and then its body must still exist.
function startCleanup(db: DatabaseSync, bodies: BodyStore) {
  const unreferenced = new Set<string>()
  let timer: NodeJS.Timeout | undefined

  const run = async () => {
    clearTimeout(timer)
    timer = undefined
    const names = [...unreferenced]
    unreferenced.clear()
    if (names.length > 0) db.exec('pragma wal_checkpoint(passive)')
    for (const body of names) await removeBody(bodies, body)
  }

  return {
    add(body: string) {
      unreferenced.add(body)
      timer ??= setTimeout(run, CLEANUP_AFTER_MS).unref()
    },
    run,
  }
}

// A body that cannot be removed now is removed at the next start.
async function removeBody(bodies: BodyStore, body: string): Promise<void> {
  try {
    await bodies.remove(body)
  } catch (error) {
    console.error(`Could not remove the body ${body}; the next start will try again`, error)
  }
}
