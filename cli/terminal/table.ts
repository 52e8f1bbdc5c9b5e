import Table from 'cli-table3'
import { bold } from './print.ts'

/** A column of a table. `text` must be printable. One column may be `wide`: it takes the space that the others leave. */
export type Column<Row> = { heading: string; text: (row: Row) => string; align?: 'right'; wide?: boolean }

/** Minimum width of the wide column, in characters. */
const MIN_WIDE_COLUMN = 20

/**
 * A table without borders. With a `width` in characters the wide column wraps, so that nothing is cut off;
 * without one each row is a single line.
 */
export function formatTable<Row>(rows: Row[], columns: Column<Row>[], width = process.stdout.columns): string {
  const cells = rows.map(row => columns.map(column => column.text(row)))
  const table = new Table({
    head: columns.map(column => bold(column.heading)),
    chars: BORDERLESS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': GAP },
    colAligns: columns.map(column => column.align ?? 'left'),
    colWidths: width === undefined ? [] : columnWidths(cells, columns, width),
    wordWrap: true,
    wrapOnWordBoundary: false,
  })
  table.push(...cells)
  return table
    .toString()
    .split('\n')
    .map(line => line.trimEnd())
    .join('\n')
}

/** Spaces between two columns. */
const GAP = 2

const BORDERLESS = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '' },
  ...{ 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '' },
}

function columnWidths<Row>(cells: string[][], columns: Column<Row>[], width: number): number[] {
  const natural = columns.map(
    ({ heading }, n) => GAP + Math.max(...[heading, ...cells.map(row => row[n]!)].map(text => text.length)),
  )
  const narrow = natural.filter((_, n) => !columns[n]!.wide).reduce((sum, own) => sum + own, 0)
  return natural.map((own, n) => (columns[n]!.wide ? Math.min(own, Math.max(MIN_WIDE_COLUMN, width - narrow)) : own))
}
