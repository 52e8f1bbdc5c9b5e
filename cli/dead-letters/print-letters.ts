import { npxCommand, type TargetFlags } from '../connect/target.ts'
import { formatCount, printable, printLine, printNext, shellQuote } from '../terminal/print.ts'
import { type Column, formatTable } from '../terminal/table.ts'
import { formatTime } from '../terminal/time.ts'
import type { DeadLetter } from './letters.ts'

/** The flags that choose dead letters and how they are printed. */
export type LetterFlags = TargetFlags & { all?: boolean; queue?: string; source?: string; json?: boolean }

/** Rows of the table without `--all`. */
export const MAX_PRINTED = 50

/** Prints dead letters as a table, and what can be done with them. */
export function printLetters(letters: DeadLetter[], flags: LetterFlags): void {
  if (letters.length === 0) {
    printLine(flags.bucket ? `No dead letters of ${printable(flags.bucket)}.` : 'No dead letters: every event was indexed.')
    return
  }
  const shown = flags.all ? letters : letters.slice(0, MAX_PRINTED)
  printLine(formatTable(shown, columns))
  const isCut = shown.length < letters.length
  if (isCut) printLine(`${shown.length} of ${formatCount(letters.length, 'dead letter')} are shown.`)
  const command = (words: string, of = flags) => npxCommand(`dead-letters ${words}${queueFlags(flags)}`, of)
  printNext(
    ...(isCut ? [command('--all')] : []),
    command('--redrive', { ...flags, bucket: undefined }),
    command('--discard --yes'),
  )
}

/** The flags that name the queues, as they are typed. */
export function queueFlags({ queue, source }: LetterFlags): string {
  return `${queue ? ` --queue ${shellQuote(queue)}` : ''}${source ? ` --source ${shellQuote(source)}` : ''}`
}

const columns: Column<DeadLetter>[] = [
  { heading: 'When', text: ({ sentAt }) => (sentAt ? formatTime(sentAt) : '') },
  { heading: 'Event', text: ({ event }) => printable(event ?? 'unreadable'), share: 1 },
  { heading: 'Bucket', text: ({ bucket }) => printable(bucket ?? ''), share: 1 },
  { heading: 'Key', text: ({ key }) => printable(key ?? ''), share: 2 },
  { heading: 'Reason', text: ({ reason }) => printable(reason), share: 2 },
]
