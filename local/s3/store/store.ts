import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { openDatabase, type Statements, transaction } from '../../sqlite.ts'
import { type Bodies, memoryBodies, openBodies } from '../bodies/file-bodies.ts'
import type { Change } from '../events/notification.ts'
import { createBucket, setVersioning } from './buckets.ts'
import { completeRestore, expireCurrent, expireRestore, expireVersion, transition } from './lifecycle.ts'
import { schema } from './schema.ts'
import { startSequence } from './sequence.ts'

/** The state of the S3 endpoint: metadata in SQLite, bodies in files; and what S3 does by itself, without a request. */
export type Store = {
  db: DatabaseSync
  sql: Statements
  bodies: Bodies
  now(): number
  /** The next rank; see `startSequence`. */
  nextSequence(): number
  /** Runs synchronous work in one transaction; bodies released in it that nothing refers to any more are removed after it. */
  change<T>(work: () => T): T
  release(bodies: string[]): void
  /** Publishes a change inside the transaction that makes it. */
  publish(change: Change): void
  /** Conditional writes under way, each with what tells it that the key was deleted meanwhile. */
  conditionalWrites: Set<{ bucket: string; key: string; disturbed: boolean }>
  createBucket(name: string, versioning?: 'Enabled' | 'Suspended'): void
  expireCurrent(bucket: string, key: string): void
  expireVersion(bucket: string, key: string, versionId: string): void
  transition(bucket: string, key: string, versionId: string, storageClass: string): void
  completeRestore(bucket: string, key: string, versionId?: string): void
  expireRestore(bucket: string, key: string, versionId?: string): void
  close(): Promise<void>
}

/** Opens the store in a folder, or in memory; `publish` is called inside the transaction of each change. */
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
  const bodies = inMemory ? memoryBodies() : await openBodies(join(folder, 'objects'), isReferenced)
  const last = sql.get`
    select max(coalesce((select max(sequence) from version), 0), coalesce((select max(sequence) from upload), 0)) as sequence`
  const released = new Set<string>()
  const cleanup = startCleanup(db, bodies)

  const store: Store = {
    db,
    sql,
    bodies,
    now: clock,
    nextSequence: startSequence(clock, Number(last?.sequence)),
    change(work) {
      if (db.isTransaction) return work()
      released.clear()
      const result = transaction(db, work)
      for (const body of released) if (!isReferenced(body)) cleanup.add(body)
      return result
    },
    release(names) {
      for (const name of names) released.add(name)
    },
    publish: publish(db),
    conditionalWrites: new Set(),
    createBucket(name, versioning) {
      createBucket(store, name)
      if (versioning) setVersioning(store, name, versioning)
    },
    expireCurrent: (bucket, key) => expireCurrent(store, bucket, key),
    expireVersion: (bucket, key, versionId) => expireVersion(store, bucket, key, versionId),
    transition: (bucket, key, versionId, storageClass) => transition(store, bucket, key, versionId, storageClass),
    completeRestore: (bucket, key, versionId) => completeRestore(store, bucket, key, versionId),
    expireRestore: (bucket, key, versionId) => expireRestore(store, bucket, key, versionId),
    async close() {
      await cleanup.finish()
      db.close()
    },
  }
  return store
}

/** How long a body that is no longer needed stays, in milliseconds: many go at once. */
const CLEANUP_AFTER_MS = 1000

// A body goes only after the deletion of its version is on the disk (the checkpoint syncs it): a power cut may bring the version
// back, and then it must be whole.
function startCleanup(db: DatabaseSync, bodies: Bodies) {
  const doomed = new Set<string>()
  let timer: NodeJS.Timeout | undefined

  const run = async () => {
    timer = undefined
    const names = [...doomed]
    doomed.clear()
    if (names.length > 0) db.exec('pragma wal_checkpoint(passive)')
    for (const body of names) await removeBody(bodies, body)
  }

  return {
    add(body: string) {
      doomed.add(body)
      timer ??= setTimeout(run, CLEANUP_AFTER_MS).unref()
    },
    async finish() {
      clearTimeout(timer)
      await run()
    },
  }
}

// What can't be removed now is swept at the next start.
async function removeBody(bodies: Bodies, body: string): Promise<void> {
  try {
    await bodies.remove(body)
  } catch (error) {
    console.error(`could not remove the body ${body}; it is swept away at the next start`, error)
  }
}
