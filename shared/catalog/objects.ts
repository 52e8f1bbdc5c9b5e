import type { Sql } from '../database/connection.ts'
import { decodeCursor, encodeCursor, listName } from '../database/cursor.ts'
import { checkedLimit, type Page, toPage } from '../database/page.ts'
import { fromStoredKey, toStoredKey } from '../database/stored-text.ts'
import { Invalid, NotFound } from '../errors.ts'
import { prefixEnd } from '../key-order.ts'
import { type KeyName, keyId } from '../names.ts'
import { matchesMetadata } from './metadata-filter.ts'
import { applyObservations, type StoredDetails, type VersionDetails, verified } from './observations.ts'

/** A row of storage_objects: the current object of a key. `size` is bytes. */
export type StoredObject = StoredDetails & { size: number }

/** An object to record: from now on the latest version of its key. Without a version id it replaces the one before in place. `size` is bytes. */
export type NewObject = KeyName & VersionDetails & { size: number; versionId?: string }

/** One page of a list by prefix; `prefixes` are the folders in it, when there is a delimiter. */
export type ObjectPage = Page<StoredObject> & { prefixes: string[] }

/** Which objects, in the order of their keys' bytes. The object's metadata must contain `metadata` (`documentsOf`); `limit` is 1 to 1000. */
export type ObjectFilter = {
  bucket: string
  prefix?: string
  delimiter?: string
  backend?: string
  metadata?: Record<string, unknown>
  limit?: number
  cursor?: string
}

/** Inserts or replaces one object, for any backend, and records it as a version of its key. */
export async function recordObject(sql: Sql, object: NewObject): Promise<void> {
  await recordObjects(sql, [object])
}

/** Inserts or replaces many objects in one statement. Of a key given twice, the last is kept. */
export async function recordObjects(sql: Sql, objects: NewObject[]): Promise<void> {
  const last = [...new Map(objects.map(object => [keyId(object), object])).values()]
  const observed = last.map(toObservation)
  await applyObservations(sql, null, {
    observed,
    confirmedLatest: observed.map(({ bucket, key, versionId }) => ({ bucket, key, versionId })),
  })
}

/** Returns the current object of a key. Throws NotFound. */
export async function getObjectMetadata(sql: Sql, { bucket, key }: KeyName): Promise<StoredObject> {
  const [row] = await sql<StoredObject[]>`
    select ${objectColumns(sql)}
    from catalog.storage_objects o
    where bucket = ${bucket} and key = ${toStoredKey(key)}
  `
  if (!row) throw new NotFound(`No object ${key} in bucket ${bucket}`)
  return toObject(row)
}

/**
 * Lists objects by prefix, a page at a time. With a delimiter, all keys that contain it after the prefix are returned once as a folder, by a
 * skip scan that jumps over their contents: a page costs the same however full the folders are. Throws Invalid for a cursor of another
 * list, a limit out of range, and a delimiter that could be confused with the escapes of `toStoredKey`.
 */
export async function listObjects(sql: Sql, filter: ObjectFilter): Promise<ObjectPage> {
  const { bucket, delimiter = '' } = filter
  const limit = checkedLimit(filter.limit ?? 100)
  const prefix = toStoredKey(filter.prefix ?? '')
  const list = listName('objects', { bucket, prefix, delimiter, backend: filter.backend, metadata: filter.metadata })
  const start = filter.cursor === undefined ? prefix : startOf(list, filter.cursor, prefix)
  const end = prefixEnd(prefix)
  const delimiterEnd = endOf(delimiter)
  const matches = sql`
    o.bucket = ${bucket}
    ${end === null ? sql`` : sql`and o.key < ${end}`}
    ${filter.backend === undefined ? sql`` : sql`and o.storage_backend = ${filter.backend}`}
    ${matchesMetadata(sql, filter.metadata)}
  `
  const entries =
    delimiter === ''
      ? await sql<Entry[]>`
          select null as folder, ${objectColumns(sql)}
          from catalog.storage_objects o
          where o.key >= ${start} and ${matches}
          order by o.key
          limit ${limit + 1}
        `
      : await sql<Entry[]>`
          with recursive entry (folder, key, n) as (
            select null::text collate "C", null::text collate "C", 0
            union all
            select case when found.depth > 0 then left(found.key, ${[...prefix].length} + found.depth + ${[...delimiter].length} - 1) end, found.key, e.n + 1
            from entry e, lateral (
              select o.key, position(${delimiter} in substr(o.key, ${[...prefix].length} + 1)) as depth
              from catalog.storage_objects o
              where o.key >= case
                  when e.n = 0 then ${start}
                  when e.folder is null then e.key || chr(1)
                  else left(e.folder, ${-[...delimiter].length}) || ${delimiterEnd}
                end collate "C"
                and ${matches}
              order by o.key
              limit 1
            ) as found
            where e.n <= ${limit}
          )
          select e.folder, ${objectColumns(sql)}
          from entry e
          join catalog.storage_objects o on o.bucket = ${bucket} and o.key = e.key
          where e.n > 0
          order by e.n
        `
  const { items, nextCursor } = toPage(entries, limit, {
    toItem: entry => entry,
    cursorAfter: last => encodeCursor(list, [startAfter(last)]),
  })
  return {
    items: items.filter(({ folder }) => folder === null).map(({ folder: _, ...row }) => toObject(row)),
    prefixes: items.flatMap(({ folder }) => (folder === null ? [] : [fromStoredKey(folder)])),
    nextCursor,
  }
}

/** Removes the object from the catalog; its versions and audit trail stay, none of them the latest. Throws NotFound. */
export async function deleteObject(sql: Sql, { bucket, key }: KeyName): Promise<void> {
  await getObjectMetadata(sql, { bucket, key })
  await applyObservations(sql, null, { confirmedLatest: [{ bucket, key, versionId: null }] })
}

/** The columns of a StoredObject, of storage_objects as `o`. */
export function objectColumns(sql: Sql) {
  return sql`
    o.bucket, o.key, o.version_id as "versionId", o.size, o.content_type as "contentType", o.etag, o.last_modified as "lastModified",
    o.storage_backend as "storageBackend", o.storage_class as "storageClass", o.metadata, o.tags, o.created_at as "createdAt"
  `
}

/** A row of `objectColumns` with its key as the backend has it. */
export function toObject<T extends { key: string }>(row: T): T {
  return { ...row, key: fromStoredKey(row.key) }
}

/** The first key of the page after a cursor. */
function startOf(list: string, cursor: string, prefix: string): string {
  const [start] = decodeCursor(list, cursor, ['text'])
  if (!start.startsWith(prefix)) throw new Invalid('cursor is malformed')
  return start
}

/** The least string after all strings that begin with a delimiter. */
function endOf(delimiter: string): string {
  const end = prefixEnd(delimiter)
  const isEscaped = toStoredKey(delimiter) !== delimiter || delimiter.includes('\x02')
  if (isEscaped || (delimiter !== '' && end === null)) {
    throw new Invalid('delimiter must not contain U+0000, U+0001 or U+0002, nor consist of U+10FFFF only')
  }
  return end ?? ''
}

type Entry = StoredObject & { folder: string | null }

function toObservation({ bucket, key, versionId = 'null', ...object }: NewObject) {
  return verified({ bucket, key, versionId }, { lastModified: new Date(), ...object, state: 'present' })
}

/** The least key after an entry of a page: after the key itself, or after all keys of the folder. */
function startAfter({ folder, key }: Entry): string {
  return folder === null ? `${key}\x01` : (prefixEnd(folder) ?? folder)
}
