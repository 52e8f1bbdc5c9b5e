import { type Command, Option } from 'commander'
import type { Page } from '../../shared/database/page.ts'
import { MAX_PAGE_SIZE } from '../../shared/limits.ts'
import { getJson, type QueryParameters } from '../connect/get-json.ts'
import type { Target, TargetFlags } from '../connect/target.ts'
import { failIfBucketUnknown } from '../connect/unknown-bucket.ts'
import { wholeNumberBetween } from './numbers.ts'
import { printableJson, printLine, printNext, shellQuote } from './print.ts'
import { type Column, formatTable } from './table.ts'

/** A page of a list as the API returns it; `prefixes` are folders. */
export type ListPage<Item> = Page<Item> & { prefixes?: string[] }

/** The flags of a command that prints a list. */
export type ListFlags = { json?: boolean; limit: number; cursor?: string; all?: boolean }

/** Adds the flags of ListFlags to a command. */
export function addPageOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--limit <n>', 'entries per page, 1 to 1000').argParser(wholeNumberBetween(1, MAX_PAGE_SIZE)).default(50),
    )
    .option('--cursor <cursor>', 'continue after the previous page')
    .option('--all', 'all pages')
    .option('--json', "print the API's response as JSON")
}

/** How a list is printed for people. */
export type ListView<Item, Row> = {
  columns: Column<Row>[]
  /** The rows of a page, which need not be one per item. */
  rows: (page: ListPage<Item>) => Row[]
  empty: string
  /** Commands to suggest after the first page. */
  next: (rows: Row[]) => string[]
}

/**
 * Prints one page or all pages of a list as a table or as JSON; all pages are one JSON value of the same shape. Throws CliError when the list
 * is empty because the bucket is not in the catalog.
 */
export async function printList<Item, Row>(
  target: Target,
  path: string,
  parameters: QueryParameters,
  flags: TargetFlags & ListFlags,
  view: ListView<Item, Row>,
): Promise<void> {
  const pages = fetchPages<Item>(target, path, parameters, flags)
  const all = flags.all === true
  const isEmpty = flags.json ? await printJsonPages(pages, all) : await printTables(pages, view, all)
  if (isEmpty) await failIfBucketUnknown(target, flags)
  if (isEmpty && !flags.json) printLine(view.empty)
}

async function* fetchPages<Item>(
  target: Target,
  path: string,
  parameters: QueryParameters,
  flags: ListFlags,
): AsyncGenerator<ListPage<Item>> {
  let cursor = flags.cursor
  do {
    const page: ListPage<Item> = await getJson(target, path, {
      ...parameters,
      limit: flags.all ? MAX_PAGE_SIZE : flags.limit,
      cursor,
    })
    yield page
    cursor = flags.all ? (page.nextCursor ?? undefined) : undefined
  } while (cursor !== undefined)
}

/** Writes page by page, so that a large bucket need not fit into memory; folders are few and come last. Returns whether the list is empty. */
async function printJsonPages<Item>(pages: AsyncGenerator<ListPage<Item>>, all: boolean): Promise<boolean> {
  const prefixes: string[] = []
  let separator = '{"items":[\n'
  let last: ListPage<Item> | undefined
  for await (const page of pages) {
    if (!all) {
      printLine(printableJson(page, 2))
      return isEmptyPage(page)
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
  printLine(`\n],${last?.prefixes ? `"prefixes":${printableJson(prefixes)},` : ''}"nextCursor":null}`)
  return isEmpty
}

/** Returns whether the list is empty. */
async function printTables<Item, Row>(
  pages: AsyncGenerator<ListPage<Item>>,
  view: ListView<Item, Row>,
  all: boolean,
): Promise<boolean> {
  let first: Row[] = []
  for await (const page of pages) {
    const rows = view.rows(page)
    if (rows.length > 0) printLine(formatTable(rows, view.columns))
    if (first.length === 0) first = rows
    if (first.length === 0 && page.nextCursor === null) return true
    if (page.nextCursor !== null && !all) {
      printLine('There are more results.')
      printNext(`${currentCommand()} --cursor ${page.nextCursor}`, ...view.next(first))
      return false
    }
  }
  printNext(...view.next(first))
  return false
}

function isEmptyPage({ items, prefixes = [], nextCursor }: ListPage<unknown>): boolean {
  return items.length + prefixes.length === 0 && nextCursor === null
}

/** The current command line without its cursor. */
function currentCommand(): string {
  const typed = process.argv.slice(2)
  const at = typed.indexOf('--cursor')
  const kept = at < 0 ? typed : typed.toSpliced(at, 2)
  return ['npx catalog', ...kept.filter(argument => !argument.startsWith('--cursor=')).map(shellQuote)].join(' ')
}
