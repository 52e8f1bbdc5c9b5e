import { stat } from 'node:fs/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { openBucket, reachBucket } from '../connect/bucket.ts'
import { findPlace, npx, type PlaceFlags, withPlace } from '../connect/where.ts'
import { codeOf, Failure } from '../terminal/failure.ts'
import { count, humanSize, next, note, printable, quoted, say } from '../terminal/print.ts'
import { onStopSignal } from '../terminal/signals.ts'
import { type Summary, uploadFolder } from '../upload/folder.ts'
import { startProgress } from '../upload/progress.ts'
import { type Omission, walk } from '../upload/walk.ts'

/** `catalog upload <folder>`: puts a folder of files into the bucket; run again it goes on where it was. */
export function addUpload(program: Command): void {
  const command = program
    .command('upload')
    .description('put the files of a folder into the bucket; run again, it uploads only what is missing or changed')
    .argument('<folder>', 'the folder; keys are the paths below it')
    .option('--prefix <folder>', 'put everything below this folder of the bucket')
    .addOption(new Option('--concurrency <n>', 'files at once, 1 to 256').argParser(concurrency).default(16))
    .option('--no-links', 'leave symbolic links out; otherwise they are followed as find -L does')
    .addHelpText('after', '\nExamples:\n  npx catalog upload ~/Documents\n  npx catalog upload /usr/share/doc --prefix doc\n')
    .action(upload)
  withPlace(command)
}

async function upload(
  folder: string,
  flags: PlaceFlags & { prefix?: string; concurrency: number; links: boolean },
): Promise<void> {
  await refuseOther(folder)
  const prefix = flags.prefix ? flags.prefix.replace(/\/*$/, '/') : ''
  const bucket = openBucket(findPlace(flags), flags)
  await reachBucket(bucket)

  const path = Buffer.from(folder.replace(/(.)\/+$/, '$1'))
  const progress = startProgress()
  const signals = onStopSignal(() => note('\nStopping ...'))
  const ended = new AbortController()
  const counting = process.stderr.isTTY ? countFiles(path, flags.links, progress.total, ended.signal) : undefined
  try {
    const { concurrency, links } = flags
    const { signal } = signals
    const summary = await uploadFolder(bucket, { folder: path, prefix, concurrency, links, signal, onFile: progress.show })
    progress.end()
    tell(summary)
    if (signal.aborted) throw new Failure('Stopped. Run the same command again to go on where it was.', { exitCode: 130 })
    if (summary.failed > 0) throw new Failure(`${count(summary.failed, 'file')} not uploaded`)
    next(npx(prefix ? `list ${quoted(prefix)}` : 'list', flags), npx('search <words of a name>', flags), npx('stats', flags))
  } finally {
    progress.end()
    signals.release()
    ended.abort()
    await counting
  }
}

async function refuseOther(folder: string): Promise<void> {
  try {
    if ((await stat(folder)).isDirectory()) return
  } catch (error) {
    throw new Failure(`${printable(folder)} can't be read: ${codeOf(error)}`)
  }
  throw new Failure(`${printable(folder)} is not a folder`)
}

/** A walk of its own, ahead of the upload, so that the bar knows its end. */
async function countFiles(folder: Buffer, links: boolean, onCount: (files: number) => void, signal: AbortSignal): Promise<void> {
  let files = 0
  for await (const found of walk(folder, { links })) {
    if (signal.aborted) return
    if ('file' in found) onCount(++files)
  }
}

function tell(summary: Summary): void {
  const { uploaded, uploadedBytes, there, thereBytes, omitted, failed, milliseconds } = summary
  const seconds = milliseconds / 1000
  const rate = seconds > 0 ? Math.round((uploaded + there) / seconds) : 0
  say(`${count(uploaded + there, 'file')}, ${humanSize(uploadedBytes + thereBytes)} in ${seconds.toFixed(1)} s (${rate} files/s)`)
  say(`  ${uploaded} uploaded, ${there} there already, ${omitted} left out, ${failed} failed`)
  list(
    'Left out',
    omitted,
    summary.omissions.filter(({ isLoss }) => !isLoss),
  )
  list(
    'Failed',
    failed,
    summary.omissions.filter(({ isLoss }) => isLoss),
  )
}

/** Lines that a person reads; of failures all that are remembered are told. */
const MOST_LEFT_OUT = 10

function list(title: string, total: number, omissions: Omission[]): void {
  if (total === 0) return
  const shown = omissions[0]?.isLoss ? omissions : omissions.slice(0, MOST_LEFT_OUT)
  note(`${title}:`)
  for (const { path, reason } of shown) note(`  ${printablePath(path)}: ${printable(reason)}`)
  if (total > shown.length) note(`  ... and ${total - shown.length} more`)
}

/** A path that need not be UTF-8: bytes that are not are written as \xNN. */
function printablePath(path: Buffer): string {
  const text = path.toString()
  if (Buffer.from(text).equals(path)) return printable(text)
  return printable(path.toString('latin1').replaceAll(/[\x80-\xff]/g, byte => `\\x${byte.charCodeAt(0).toString(16)}`))
}

function concurrency(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || value > 256) throw new InvalidArgumentError('Must be a whole number from 1 to 256.')
  return value
}
