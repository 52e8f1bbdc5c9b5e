import { bold } from './print.ts'
import { padText, shortenStart, textWidth, wrapText } from './text-width.ts'

/**
 * A column of a table. `text` must be printable. A column with a `share` wraps: such columns divide the space that the others leave in
 * proportion to their shares, but none gets less than `least` columns (12), which is not less than its heading. The others never wrap. `most`: in
 * a terminal, a longer text is shortened at its start to this many columns. A column without any text is omitted.
 */
export type Column<Row> = {
  heading: string
  text: (row: Row) => string
  align?: 'right'
  share?: number
  least?: number
  most?: number
}

/**
 * A table without borders, or for no rows an empty text. At a `width` in columns of the terminal texts wrap, so that nothing is cut off; where even
 * that leaves too little space, each row becomes a block with a line per column. Without a width each row is a single line.
 */
export function formatTable<Row>(rows: Row[], columns: Column<Row>[], width = process.stdout.columns || undefined): string {
  const cellsOf = ({ text, most }: Column<Row>) =>
    rows.map(row => (width !== undefined && most !== undefined ? shortenStart(text(row), most) : text(row)))
  const all = columns.map(column => ({ ...column, cells: cellsOf(column) }))
  const filled: Filled[] = all.filter(({ cells }) => cells.some(cell => cell !== ''))
  const widths = columnWidths(filled, width ?? Number.POSITIVE_INFINITY)
  const lines = widths ? tableLines(filled, widths, rows.length) : blockLines(filled, width!, rows.length)
  return lines.map(line => line.trimEnd()).join('\n')
}

type Filled = Pick<Column<unknown>, 'heading' | 'align' | 'share' | 'least'> & { cells: string[] }

/** Spaces between two columns. */
const GAP = 2

/** The least width of a column that wraps, unless all of its text is shorter. */
const LEAST_WIDTH = 12

/**
 * The width of each column, or undefined when there is not enough space for a table. A column that needs less than its part of the space leaves the
 * rest to the others; none gets less than its least width.
 */
function columnWidths(columns: Filled[], width: number): number[] | undefined {
  const widths = columns.map(({ heading, cells }) => Math.max(...[heading, ...cells].map(textWidth)))
  const shareOf = (n: number) => columns[n]!.share ?? 0
  const leastOf = (n: number) => columns[n]!.least ?? LEAST_WIDTH
  const wrapped = columns.map((_, n) => n).filter(n => shareOf(n) > 0)
  let left = widths.reduce((rest, own, n) => rest - (wrapped.includes(n) ? 0 : own), width - GAP * (columns.length - 1))
  for (let open = wrapped; open.length > 0 && left >= 0; ) {
    const shares = open.reduce((sum, n) => sum + shareOf(n), 0)
    const part = (n: number) => Math.floor((left * shareOf(n)) / shares)
    const fitting = open.filter(n => widths[n]! <= part(n))
    const tight = fitting.length > 0 ? [] : open.filter(n => part(n) < leastOf(n))
    const decided = [fitting, tight].find(({ length }) => length > 0) ?? open
    const decidedWidths = decided.map(n => Math.min(widths[n]!, Math.max(leastOf(n), part(n))))
    for (const [k, n] of decided.entries()) widths[n] = decidedWidths[k]!
    left -= decidedWidths.reduce((sum, own) => sum + own, 0)
    open = open.filter(n => !decided.includes(n))
  }
  return left >= 0 ? widths : undefined
}

function tableLines(columns: Filled[], widths: number[], rows: number): string[] {
  const line = (texts: string[]) => texts.join(' '.repeat(GAP))
  // The style is added to the text alone: trailing spaces are removed.
  const headings = columns.map(({ heading, align }, n) => padText(heading && bold(heading), widths[n]!, align))
  const lines = [line(headings)]
  for (let row = 0; row < rows; row++) {
    const cells = columns.map(({ cells }, n) => wrapText(cells[row]!, widths[n]!))
    const height = Math.max(...cells.map(({ length }) => length))
    for (let k = 0; k < height; k++)
      lines.push(line(cells.map((texts, n) => padText(texts[k] ?? '', widths[n]!, columns[n]!.align))))
  }
  return lines
}

/** The least width of a text beside its heading. */
const LEAST_TEXT = 8

function blockLines(columns: Filled[], width: number, rows: number): string[] {
  const beside = GAP + Math.max(...columns.map(({ heading }) => textWidth(heading)))
  return Array.from({ length: rows }, (_, row) => {
    const lines = columns.flatMap(({ heading, cells }) => {
      const texts = cells[row] === '' ? [] : wrapText(cells[row]!, Math.max(LEAST_TEXT, width - beside))
      return texts.map((text, k) => padText(k === 0 && heading ? bold(heading) : '', beside) + text)
    })
    return row === 0 ? lines : ['', ...lines]
  }).flat()
}
