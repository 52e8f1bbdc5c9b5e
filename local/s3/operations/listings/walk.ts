/** Where a listing continues: at this key (inclusive). With `past`, entries of this very key start after that rank. */
export type Position = { key: Buffer; past?: number }

/** One page of entries and common prefixes, together at most `max`. `next` is the position of the next page, if there is one. */
export type Page<T> = { items: T[]; prefixes: string[]; next?: Position; last?: { item: T } | { prefix: string } }

/** Returns up to `limit` entries in order, from a position (inclusive) to a key (exclusive). */
export type Fetch<T> = (from: Position, until: Buffer, limit: number) => T[]

/**
 * Reads one page of a listing with prefix and delimiter. It skips the rest of each common prefix, so that a folder costs one query
 * however many keys it has.
 */
export function walk<T extends { key: Uint8Array }>(
  fetch: Fetch<T>,
  options: { prefix: string; delimiter: string; start: Position; max: number; after: (item: T) => Position },
): Page<T> {
  const { max, after } = options
  const prefix = Buffer.from(options.prefix)
  const delimiter = Buffer.from(options.delimiter)
  const until = pastPrefix(prefix)
  const page: Page<T> = { items: [], prefixes: [] }
  if (max === 0) return page

  let position = startOf(options.start, prefix, delimiter)
  for (;;) {
    const limit = delimiter.length > 0 ? 100 : max - page.items.length + 1
    const rows = fetch(position, until, limit)
    let jumped = false
    for (const row of rows) {
      if (page.items.length + page.prefixes.length === max) return { ...page, next: position }
      const folder = commonPrefix(Buffer.from(row.key), prefix, delimiter)
      if (folder) {
        page.prefixes.push(folder.toString())
        page.last = { prefix: folder.toString() }
        position = { key: pastPrefix(folder) }
        jumped = true
        break
      }
      page.items.push(row)
      page.last = { item: row }
      position = after(row)
    }
    if (!jumped && rows.length < limit) return page
  }
}

/** The position after a key. There is no key between a key and the same key followed by a zero byte. */
export function afterKey(key: Uint8Array | string): Position {
  return { key: Buffer.concat([Buffer.from(key), Buffer.from([0])]) }
}

/** A position as an opaque token. */
export function toToken(position: Position): string {
  return Buffer.concat([Buffer.from([TOKEN_FORM]), position.key]).toString('base64')
}

/** The position of a token; undefined if it is not a token. */
export function fromToken(token: string): Position | undefined {
  const bytes = Buffer.from(token, 'base64')
  return bytes[0] === TOKEN_FORM && bytes.toString('base64') === token ? { key: bytes.subarray(1) } : undefined
}

const TOKEN_FORM = 1

// UTF-8 has no byte 0xff, so this sorts after every key with the prefix.
const pastPrefix = (prefix: Buffer) => Buffer.concat([prefix, Buffer.from([0xff])])

function commonPrefix(key: Buffer, prefix: Buffer, delimiter: Buffer): Buffer | undefined {
  if (delimiter.length === 0) return undefined
  const index = key.indexOf(delimiter, prefix.length)
  return index < 0 ? undefined : key.subarray(0, index + delimiter.length)
}

// A marker that is itself a common prefix was the last entry of the previous page, which covers all keys below it.
function startOf(start: Position, prefix: Buffer, delimiter: Buffer): Position {
  if (Buffer.compare(start.key, prefix) < 0) return { key: prefix }
  const isAfterKey = start.past === undefined && start.key.at(-1) === 0
  const marker = isAfterKey ? start.key.subarray(0, -1) : start.key
  const folder = marker.subarray(0, prefix.length).equals(prefix) ? commonPrefix(marker, prefix, delimiter) : undefined
  return folder?.equals(marker) ? { key: pastPrefix(folder) } : start
}
