import { styleText } from 'node:util'

/**
 * Text made safe for a terminal, on one line. Control characters, direction overrides and lone surrogates are escaped, because a key may
 * hold anything, including what moves the cursor or reverses the text.
 */
export function printable(text: string): string {
  return text.replaceAll(UNSAFE, escapeCharacter)
}

/** JSON that is safe in a terminal: control characters that JSON allows unescaped are escaped. */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replaceAll(UNSAFE_IN_JSON, escapeCharacter)
}

/** Bytes for people, in powers of 1024 as in the S3 console. */
export function formatSize(bytes: number): string {
  const power = Math.min(UNITS.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** power
  const unit = UNITS[power]
  return power === 0 ? `${bytes} ${unit}` : `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`
}

/** A count with its noun: `1 file`, `4,068 files`. */
export function formatCount(number: number, noun: string): string {
  const plural = /[^aeiou]y$/.test(noun) ? `${noun.slice(0, -1)}ies` : `${noun}s`
  return `${number.toLocaleString('en')} ${number === 1 ? noun : plural}`
}

/** A line of standard output: the result. */
export function printLine(line = ''): void {
  process.stdout.write(`${line}\n`)
}

/** A line of standard error: progress and notices, not the result. */
export function logLine(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Suggests commands to a person; never in JSON output. */
export function printNext(...commands: string[]): void {
  printLine(`${bold('Next:')} ${commands.join(`\n${' '.repeat(6)}`)}`)
}

/** Bold text if standard output is a terminal. */
export function bold(text: string): string {
  return styleText('bold', text, { stream: process.stdout })
}

/** The mark of a check's result. */
export function checkMark(result: 'passed' | 'failed' | 'skipped'): string {
  if (result === 'passed') return styleText('green', '✓', { stream: process.stdout })
  return result === 'failed' ? styleText('red', '✗', { stream: process.stdout }) : '–'
}

/** An argument quoted for a shell; with control characters, in the form of bash and zsh ($'...'). */
export function shellQuote(argument: string): string {
  if (/^[\w@%+=:,./-]+$/.test(argument)) return argument
  if (printable(argument) === argument) return `'${argument.replaceAll("'", `'\\''`)}'`
  return `$'${printable(argument.replaceAll(/[\\']/g, character => `\\${character}`))}'`
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

// C0 and C1 controls, line separators, and the invisible characters that change the text direction.
const UNSAFE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

const UNSAFE_IN_JSON = /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
