import type { Sql } from '../database/connection.ts'
import { decodeCursor, encodeCursor } from '../database/cursor.ts'
import { fromStoredKey, toStoredKey, toStoredValues } from '../database/stored-text.ts'
import { Invalid, NotFound } from '../errors.ts'
import { prefixEnd } from '../key-order.ts'
import { applyObservations, keyId, type Observation } from './observations.ts'

/** A row of storage_objects: what is there now. `size` is bytes. */
export type StoredObject = {
  bucket: string
  key: string
  versionId: string
  size: number
  contentType: string | null
  etag: string | null
  lastModified: Date
  storageBackend: string
  storageClass: string
  metadata: Record<string, unknown>
  tags: Record<string, string>
  createdAt: Date
}

/** What a caller tells of an object: the latest version of its key from now on. Without a version id it replaces in place. */
export type NewObject = {
  bucket: string
  key: string
  size: number
  versionId?: string
  contentType?: string
  etag?: string
  lastModified?: Date
  storageBackend?: string
  storageClass?: string
  metadata?: Record<string, unknown>
  tags?: Record<string, string>
  createdBy?: string
  comment?: string
}

/** One page of a list by prefix; `prefixes` are the folders in it, when there is a delimiter. */
export type ObjectPage = { items: StoredObject[]; prefixes: string[]; nextCursor: string | null }

/** Which objects, in the order of their keys' bytes. `metadata` must be contained in the object's; `limit` is 1 to 1000. */
export type ObjectFilter = {
  bucket: string
  prefix?: string
  delimiter?: string
  backend?: string
  metadata?: Record<string, unknown>
  limit?: number
  cursor?: string
}

/** Inserts or replaces the metadata of one object, for any backend, and notes it as a version of its key. */
export async function recordObject(sql: Sql, object: NewObject): Promise<void> {
  await recordObjects(sql, [object])
}

/** Inserts or replaces the metadata of many objects in one statement. Of one key told twice, the last is kept. */
export async function recordObjects(sql: Sql, objects: NewObject[]): Promise<void> {
  const last = [...new Map(objects.map(object => [keyId(object), object])).values()]
  const observed = last.map(toObservation)
  await applyObservations(sql, null, {
    observed,
    confirmedLatest: observed.map(({ bucket, key, versionId }) => ({ bucket, key, versionId })),
  })
}

/** What the catalog knows of the object now. Throws NotFound. */
export async function getObjectMetadata(sql: Sql, { bucket, key }: { bucket: string; key: string }): Promise<StoredObject> {
  const [row] = await sql<StoredObject[]>`
    select ${objectColumns(sql)}
    from storage_objects o
    where bucket = ${bucket} and key = ${toStoredKey(key)}
  `
  if (!row) throw new NotFound(`No object ${key} in bucket ${bucket}`)
  return toObject(row)
}

/**
 * Objects by prefix, a page at a time. With a delimiter, keys that hold it behind the prefix are answered once as a folder:
 * a skip scan that jumps over what is in it, so a page costs the same however full the folders are. Throws Invalid for a cursor
 * of another list and for a delimiter that can't be told from the escapes of `toStoredKey`.
 */
export async function listObjects(sql: Sql, filter: ObjectFilter): Promise<ObjectPage> {
  const { bucket, delimiter = '', limit = 100 } = filter
  const prefix = toStoredKey(filter.prefix ?? '')
  const start = filter.cursor === undefined ? prefix : startOf(filter.cursor, prefix)
  const end = prefixEnd(prefix)
  const delimiterEnd = endOf(delimiter)
  const matches = sql`
    o.bucket = ${bucket}
    ${end === null ? sql`` : sql`and o.key < ${end}`}
    ${filter.backend === undefined ? sql`` : sql`and o.storage_backend = ${filter.backend}`}
    ${filter.metadata === undefined ? sql`` : sql`and o.metadata @> ${sql.json(toStoredValues(filter.metadata) as never)}`}
  `
  const entries =
    delimiter === ''
      ? await sql<Entry[]>`
          select null as folder, ${objectColumns(sql)}
          from storage_objects o
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
              from storage_objects o
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
          join storage_objects o on o.bucket = ${bucket} and o.key = e.key
          where e.n > 0
          order by e.n
        `
  const page = entries.slice(0, limit)
  const last = page.at(-1)
  return {
    items: page.filter(({ folder }) => folder === null).map(({ folder: _, ...row }) => toObject(row)),
    prefixes: page.flatMap(({ folder }) => (folder === null ? [] : [fromStoredKey(folder)])),
    nextCursor: entries.length > limit && last ? encodeCursor('objects', [behind(last)]) : null,
  }
}

/** Takes the object out of the catalog; its versions and audit trail stay, none of them the latest. Throws NotFound. */
export async function deleteObject(sql: Sql, { bucket, key }: { bucket: string; key: string }): Promise<void> {
  await getObjectMetadata(sql, { bucket, key })
  await applyObservations(sql, null, { confirmedLatest: [{ bucket, key, versionId: null }] })
}

/** The columns of a StoredObject, of a table or alias `o`. */
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

/** The first key of the page behind a cursor. */
function startOf(cursor: string, prefix: string): string {
  const [start] = decodeCursor('objects', cursor, ['text'])
  if (!start.startsWith(prefix)) throw new Invalid('cursor belongs to another list')
  return start
}

/** The least text behind all that begins with a delimiter. */
function endOf(delimiter: string): string {
  const end = prefixEnd(delimiter)
  const isEscaped = toStoredKey(delimiter) !== delimiter || delimiter.includes('\x02')
  if (isEscaped || (delimiter !== '' && end === null)) {
    throw new Invalid('delimiter must hold none of U+0000, U+0001 and U+0002, and something less than U+10FFFF')
  }
  return end ?? ''
}

type Entry = StoredObject & { folder: string | null }

function toObservation(object: NewObject): Observation {
  return {
    ...object,
    versionId: object.versionId ?? 'null',
    state: 'present',
    isVerified: true,
    claimsLatest: false,
    lastModified: object.lastModified ?? new Date(),
    sequencer: '',
  }
}

/** The least key behind an entry of a page: behind the key itself, or behind all keys of the folder. */
function behind({ folder, key }: Entry): string {
  return folder === null ? `${key}\x01` : (prefixEnd(folder) ?? folder)
}
