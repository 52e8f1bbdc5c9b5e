import { type Command, InvalidArgumentError, Option } from 'commander'
import { ask, type Parameters } from '../connect/ask.ts'
import { refuseUnknownBucket } from '../connect/known-bucket.ts'
import type { Place, PlaceFlags } from '../connect/where.ts'
import { next, printableJson, quoted, say } from './print.ts'
import { type Column, formatTable } from './table.ts'

/** A page of a list as the API answers it; `prefixes` are folders. */
export type Page<Item> = { items: Item[]; prefixes?: string[]; nextCursor: string | null }

/** The flags of a command that answers a list. */
export type ListFlags = { json?: boolean; limit: number; cursor?: string; all?: boolean }

/** Gives a command the flags of ListFlags. */
export function withPages(command: Command): Command {
  return command
    .addOption(new Option('--limit <n>', 'entries of a page, 1 to 1000').argParser(limit).default(50))
    .option('--cursor <cursor>', 'where the page before ended')
    .option('--all', 'all pages')
    .option('--json', "the API's answer as JSON")
}

/** How a list is told to people. */
export type View<Item, Row> = {
  columns: Column<Row>[]
  /** The rows of a page; they need not be one an item. */
  rows: (page: Page<Item>) => Row[]
  empty: string
  /** Commands that go on from the first page. */
  next: (rows: Row[]) => string[]
}

/**
 * Prints a list of the API, one page or all: as a table, or as JSON; of all pages one JSON value of the same shape. Throws Failure when the
 * list is empty because the catalog does not know the bucket.
 */
export async function showList<Item, Row>(
  place: Place,
  path: string,
  parameters: Parameters,
  flags: PlaceFlags & ListFlags,
  view: View<Item, Row>,
): Promise<void> {
  const pages = readPages<Item>(place, path, parameters, flags)
  const all = flags.all === true
  const isEmpty = flags.json ? await writeJson(pages, all) : await writeTables(pages, view, all)
  if (isEmpty) await refuseUnknownBucket(place, flags)
  if (isEmpty && !flags.json) say(view.empty)
}

async function* readPages<Item>(
  place: Place,
  path: string,
  parameters: Parameters,
  flags: ListFlags,
): AsyncGenerator<Page<Item>> {
  let cursor = flags.cursor
  do {
    const page: Page<Item> = await ask(place, path, { ...parameters, limit: flags.all ? LARGEST_PAGE : flags.limit, cursor })
    yield page
    cursor = flags.all ? (page.nextCursor ?? undefined) : undefined
  } while (cursor !== undefined)
}

const LARGEST_PAGE = 1000

/** Written as the pages come: all of a bucket need not fit into memory. Folders are few, and come last. Answers whether there is nothing. */
async function writeJson<Item>(pages: AsyncGenerator<Page<Item>>, all: boolean): Promise<boolean> {
  const prefixes: string[] = []
  let separator = '{"items":[\n'
  let last: Page<Item> | undefined
  for await (const page of pages) {
    if (!all) {
      say(printableJson(page, 2))
      return isVoid(page)
    }
    for (const item of page.items) {
      process.stdout.write(`${separator}${printableJson(item)}`)
      separator = ',\n'
    }
    prefixes.push(...(page.prefixes ?? []))
    last = page
  }
  const isEmpty = separator !== ',\n' && prefixes.length === 0
  if (separator !== ',\n') process.stdout.write(separator)
  say(`\n],${last?.prefixes ? `"prefixes":${printableJson(prefixes)},` : ''}"nextCursor":null}`)
  return isEmpty
}

/** Answers whether there is nothing to show. */
async function writeTables<Item, Row>(pages: AsyncGenerator<Page<Item>>, view: View<Item, Row>, all: boolean): Promise<boolean> {
  let first: Row[] = []
  for await (const page of pages) {
    const rows = view.rows(page)
    if (rows.length > 0) say(formatTable(rows, view.columns))
    if (first.length === 0) first = rows
    if (first.length === 0 && page.nextCursor === null) return true
    if (page.nextCursor !== null && !all) {
      say('There is more.')
      next(`${commandLine()} --cursor ${page.nextCursor}`, ...view.next(first))
      return false
    }
  }
  next(...view.next(first))
  return false
}

function isVoid({ items, prefixes = [], nextCursor }: Page<unknown>): boolean {
  return items.length + prefixes.length === 0 && nextCursor === null
}

/** This command as it was typed, without a cursor. */
function commandLine(): string {
  const typed = process.argv.slice(2)
  const at = typed.indexOf('--cursor')
  const kept = at < 0 ? typed : typed.toSpliced(at, 2)
  return ['npx catalog', ...kept.filter(argument => !argument.startsWith('--cursor=')).map(quoted)].join(' ')
}

function limit(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || value > LARGEST_PAGE)
    throw new InvalidArgumentError('Must be a whole number from 1 to 1000.')
  return value
}
