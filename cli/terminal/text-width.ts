import stringWidth from 'string-width'

/** The columns that a text takes in a terminal. Colour codes and combining marks take none, emoji and CJK characters two. */
export function textWidth(text: string): number {
  return stringWidth(text)
}

/** Fills a text with spaces to a width in columns, on its right side or, for `align: 'right'`, on its left. */
export function padText(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const spaces = ' '.repeat(Math.max(0, width - textWidth(text)))
  return align === 'right' ? spaces + text : text + spaces
}

/**
 * Cuts a text without colour codes into lines of at most `width` columns (2 or more); joined they are the text. No character is cut in two,
 * whatever it is composed of. A line ends after a separator if there is one in its second half.
 */
export function wrapText(text: string, width: number): string[] {
  if (textWidth(text) <= width) return [text]
  const lines: string[] = []
  let line: Character[] = []
  let used = 0
  for (const { segment } of segmenter.segment(text)) {
    const character = { segment, width: textWidth(segment) }
    if (used + character.width > width) {
      const rest = line.splice(breakAfter(line, width))
      lines.push(textOf(line))
      line = rest
      used = rest.reduce((sum, { width }) => sum + width, 0)
    }
    line.push(character)
    used += character.width
  }
  return [...lines, textOf(line)]
}

/** A text of at most `most` columns: of a longer one its end, from the beginning of a part if there is one, after an ellipsis. */
export function shortenStart(text: string, most: number): string {
  if (textWidth(text) <= most) return text
  const characters = [...segmenter.segment(text)].map(({ segment }) => segment)
  let start = characters.length
  for (let used = 1; start > 0; start--) {
    used += textWidth(characters[start - 1]!)
    if (used > most) break
  }
  const isPart = (at: number) => at > 0 && SEPARATOR.test(characters[at - 1]!)
  const part = characters.findIndex((_, at) => at >= start && isPart(at))
  return `…${characters.slice(part < 0 ? start : part).join('')}`
}

/** What a reader sees as one character: one or more code points. */
type Character = { segment: string; width: number }

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

const SEPARATOR = /^[\s/\\.,;:_+=&-]$/

/** How many characters of a full line stay on it. */
function breakAfter(line: Character[], width: number): number {
  let at = line.length
  for (let used = 0, n = 0; n < line.length; n++) {
    used += line[n]!.width
    if (used * 2 >= width && SEPARATOR.test(line[n]!.segment)) at = n + 1
  }
  return at
}

function textOf(line: Character[]): string {
  return line.map(({ segment }) => segment).join('')
}
