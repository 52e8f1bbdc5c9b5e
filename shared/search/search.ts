import type { PendingQuery } from 'postgres'
import { documentsOf } from '../catalog/metadata-filter.ts'
import { objectColumns, type StoredObject, toObject } from '../catalog/objects.ts'
import type { Sql } from '../database/connection.ts'
import { decodeCursor, encodeCursor, listName } from '../database/cursor.ts'
import { jsonParameter } from '../database/json-parameter.ts'
import { checkedLimit, fitting, type Page } from '../database/page.ts'
import { toStoredKey, toStoredText } from '../database/stored-text.ts'
import { Invalid } from '../errors.ts'
import { parseSearch, type SearchQuery } from './query.ts'

/**
 * A search (see `parseSearch`) and filters. `contentType` is a type or, as `image/*`, all types of a kind; an object's metadata must contain
 * `metadata`.
 */
export type SearchRequest = {
  query: string
  bucket?: string
  prefix?: string
  backend?: string
  contentType?: string
  metadata?: Record<string, string>
  limit?: number
  cursor?: string
}

/** One page of matches, best first. It may have fewer than `limit` items without being the last: only a null cursor ends the list. */
export type SearchPage = Page<FoundObject>

/** `rank` is Postgres' ts_rank: above 0.6 when a word of the key matches, below 0.41 when only content type, metadata or tags match. */
export type FoundObject = StoredObject & { rank: number }

/**
 * Finds objects by words of their key, content type, metadata and tags, sorted by rank, then newest first, then id. When too many match to
 * rank them in a few milliseconds, the newest 1,000 are ranked, then the 1,000 before them: every match is returned once. Throws Invalid.
 */
export async function searchObjects(sql: Sql, request: SearchRequest): Promise<SearchPage> {
  const limit = checkedLimit(request.limit ?? 50)
  const text = request.query.toWellFormed().replaceAll('\0', ' ')
  const { cursor, limit: _, ...filters } = request
  const list = listName('search', filters)
  const at = cursor === undefined ? START : decodePosition(list, cursor)
  const rows = await sql<Row[]>`
    with parsed as materialized (
      select ${tsquery(sql, parseSearch(text))} as query
    ),
    search as materialized (
      select case when numnode(query) = 0 then catalog.file_name_query(${text.replaceAll('"', '')}) else query end as query
      from parsed
    ),
    found as materialized (
      select m.*
      from search, catalog.search_matches(
        search.query, ${request.bucket ?? null}, ${request.prefix ? toStoredKey(request.prefix) : null}, ${request.backend ?? null},
        ${request.contentType === undefined ? null : toStoredText(request.contentType)},
        ${request.metadata === undefined ? null : jsonParameter(sql, documentsOf(request.metadata))},
        ${at.mode}, ${at.below}, ${at.downTo}
      ) as m
    ),
    page as (
      select m.*
      from found, unnest(found.matches) as m
      where m.rank < ${at.rank}
        or (m.rank = ${at.rank} and (m.last_modified, m.id) < (${at.modified}, ${at.id}))
      order by m.rank desc, m.last_modified desc, m.id desc
      limit ${limit + 1}
    )
    select ${objectColumns(sql)}, p.rank, p.id, p.last_modified::text as modified,
      found.chosen_mode as mode, found.read_below as below, found.rest_below as "downTo"
    from found
    left join page p on true
    left join catalog.storage_objects o on o.id = p.id
    order by p.rank desc, p.last_modified desc, p.id desc
  `
  const page = fitting(rows.slice(0, limit))
  return { items: page.filter(isFound).map(toFound), nextCursor: cursorAfter(list, rows, page.length) }
}

/**
 * The object after which the page begins, the mode of the list, and in newest mode the block of ids: `below`, down to `downTo`. Ids never
 * change, so a block that is read again has the same objects, except those that were deleted or changed their words.
 */
type Position = {
  mode: 'all' | 'newest' | null
  below: number | null
  downTo: number | null
  rank: number
  modified: string
  id: number
}

/** A row of the page. An object that was created or deleted while the search ran has its place in the order and nothing else. */
type Row = Block & ((RowPosition & FoundObject) | (RowPosition & { bucket: null }) | EmptyPage)

type Block = { mode: 'all' | 'newest'; below: number | null; downTo: number | null }

type RowPosition = { rank: number; modified: string; id: number }

/** The only row of an empty page: it has the position of the next block. */
type EmptyPage = { bucket: null; id: null }

/** ts_rank is never above 1. */
const BEFORE_ALL = { rank: 2, modified: '1970-01-01T00:00:00Z', id: 0 }

const START: Position = { mode: null, below: null, downTo: null, ...BEFORE_ALL }

/** The parsed search as an SQL expression. Only the database splits words, by the function that splits documents. */
function tsquery(sql: Sql, query: SearchQuery): PendingQuery<never[]> {
  if (query.kind === 'words') return sql`catalog.words_query(${query.text}, ${query.isPrefix})`
  if (query.kind === 'not') return sql`(!! ${tsquery(sql, query.part)})`
  if (query.kind === 'followed')
    return sql`tsquery_phrase(${tsquery(sql, query.left)}, ${tsquery(sql, query.right)}, ${query.distance})`
  const operator = query.kind === 'and' ? sql`&&` : sql`||`
  return query.parts.map(part => tsquery(sql, part)).reduce((left, right) => sql`(${left} ${operator} ${right})`)
}

function isFound(row: Row): row is Block & RowPosition & FoundObject {
  return row.bucket !== null
}

function toFound({
  mode: _mode,
  below: _below,
  downTo: _downTo,
  modified: _modified,
  id: _id,
  ...object
}: Block & RowPosition & FoundObject): FoundObject {
  return toObject(object)
}

function cursorAfter(list: string, rows: Row[], length: number): string | null {
  const last = rows[length - 1]
  if (rows.length > length && last && last.id !== null) return encodePosition(list, last)
  const next = rows[0]?.downTo ?? null
  return next === null ? null : encodePosition(list, { mode: 'newest', below: next, downTo: null, ...BEFORE_ALL })
}

function encodePosition(list: string, { mode, below, downTo, rank, modified, id }: Block & RowPosition): string {
  return encodeCursor(list, [mode, below ?? 0, downTo ?? 0, rank, modified, id])
}

/** A rank is a float4: as the shortest decimal it round-trips exactly. No id is 0. */
function decodePosition(list: string, cursor: string): Position {
  const [mode, below, downTo, rank, modified, id] = decodeCursor(list, cursor, ['text', 'id', 'id', 'number', 'time', 'id'])
  if ((mode !== 'all' && mode !== 'newest') || rank < 0 || rank > BEFORE_ALL.rank) throw new Invalid('cursor is malformed')
  return { mode, below: below || null, downTo: downTo || null, rank, modified, id }
}
