import { Invalid } from '../errors.ts'
import { MAX_PAGE_BYTES, MAX_PAGE_SIZE } from '../limits.ts'

/** One page of a list. A null cursor ends the list. */
export type Page<Item> = { items: Item[]; nextCursor: string | null }

/** Returns the limit of a page. Throws Invalid unless it is a whole number from 1 to 1,000. */
export function checkedLimit(limit: number): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_PAGE_SIZE) return limit
  throw new Invalid(`limit must be a whole number from 1 to ${MAX_PAGE_SIZE}, not ${limit}`)
}

/**
 * Cuts rows that were read with `limit + 1` to one page, which ends earlier where it would be longer than MAX_PAGE_BYTES; `cursorAfter` makes the
 * cursor from the last row of a page that is not the last.
 */
export function toPage<Row, Item>(
  rows: Row[],
  limit: number,
  { toItem, cursorAfter }: { toItem: (row: Row) => Item; cursorAfter: (last: Row) => string },
): Page<Item> {
  const items = fitting(rows.slice(0, limit).map(toItem))
  const last = rows[items.length - 1]
  return { items, nextCursor: rows.length > items.length && last ? cursorAfter(last) : null }
}

/** The first items, as many as MAX_PAGE_BYTES of JSON hold, and at least one. */
export function fitting<Item>(items: Item[]): Item[] {
  let bytes = 0
  const tooLong = items.findIndex((item, n) => {
    bytes += Buffer.byteLength(JSON.stringify(item)) + 1
    return n > 0 && bytes > MAX_PAGE_BYTES
  })
  return tooLong < 0 ? items : items.slice(0, tooLong)
}
