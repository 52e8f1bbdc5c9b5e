import { access, constants, stat } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { checkBucketAccess, openBucket } from '../../connect/bucket.ts'
import { addTargetOptions, npxCommand, resolveTarget, type TargetFlags } from '../../connect/target.ts'
import { CliError, errorCode } from '../../terminal/cli-error.ts'
import { wholeNumberBetween } from '../../terminal/numbers.ts'
import { formatCount, formatSize, logLine, printable, printLine, printNext, shellQuote } from '../../terminal/print.ts'
import { onStopSignal } from '../../terminal/signals.ts'
import { type UploadSummary, uploadFolder } from '../../upload/folder.ts'
import { startUploadProgress } from '../../upload/progress.ts'
import { describeFileError, type SkippedPath, walk } from '../../upload/walk.ts'

/** `catalog upload <folder>`: uploads a folder; a second run continues an interrupted one. */
export function addUpload(program: Command): void {
  const command = program
    .command('upload')
    .description('upload the files of a folder; a second run uploads only what is missing or changed')
    .argument('<folder>', 'the folder; keys are paths relative to it')
    .option('--prefix <folder>', 'upload below this folder of the bucket')
    .addOption(
      new Option('--concurrency <n>', 'number of files uploaded at once, 1 to 256')
        .argParser(wholeNumberBetween(1, 256))
        .default(16),
    )
    .option('--no-links', 'skip symbolic links instead of following them as find -L does')
    .addHelpText('after', '\nExamples:\n  npx catalog upload ~/Documents\n  npx catalog upload /usr/share/doc --prefix doc\n')
    .action(upload)
  addTargetOptions(command)
}

async function upload(
  folder: string,
  flags: TargetFlags & { prefix?: string; concurrency: number; links: boolean },
): Promise<void> {
  await assertIsFolder(folder)
  const prefix = flags.prefix ? flags.prefix.replace(/\/*$/, '/') : ''
  const bucket = openBucket(resolveTarget(flags), flags)
  await checkBucketAccess(bucket)

  const path = Buffer.from(folder.replace(/(.)\/+$/, '$1'))
  const progress = startUploadProgress()
  const signals = onStopSignal(() => logLine('\nStopping ...'))
  const ended = new AbortController()
  const counting = process.stderr.isTTY ? countFiles(path, flags.links, progress.total, ended.signal) : undefined
  try {
    const { concurrency, links } = flags
    const { signal } = signals
    const summary = await uploadFolder(bucket, { folder: path, prefix, concurrency, links, signal, onFile: progress.show })
    progress.end()
    printSummary(summary)
    if (signal.aborted) throw new CliError('Stopped. Run the same command again to continue.', { exitCode: 130 })
    if (summary.failed > 0) throw new CliError(`${formatCount(summary.failed, 'file')} not uploaded`)
    printNext(
      npxCommand(prefix ? `list ${shellQuote(prefix)}` : 'list', flags),
      npxCommand('search <words of a name>', flags),
      npxCommand('stats', flags),
    )
  } finally {
    progress.end()
    signals.release()
    ended.abort()
    await counting
  }
}

async function assertIsFolder(folder: string): Promise<void> {
  try {
    if ((await stat(folder)).isDirectory()) return await access(folder, constants.R_OK | constants.X_OK)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') throw new CliError(`${printable(folder)} does not exist`)
    throw new CliError(`${printable(folder)} cannot be read: ${describeFileError(error)}`)
  }
  throw new CliError(`${printable(folder)} is not a folder`)
}

/** A second walk, ahead of the upload, so that the bar knows the total. */
async function countFiles(folder: Buffer, links: boolean, onCount: (files: number) => void, signal: AbortSignal): Promise<void> {
  let files = 0
  for await (const found of walk(folder, { links })) {
    if (signal.aborted) return
    if ('file' in found) onCount(++files)
  }
}

function printSummary(summary: UploadSummary): void {
  const { uploaded, uploadedBytes, unchanged, unchangedBytes, skipped, failed, milliseconds } = summary
  const seconds = milliseconds / 1000
  const rate = seconds > 0 ? Math.round((uploaded + unchanged) / seconds) : 0
  const size = formatSize(uploadedBytes + unchangedBytes)
  printLine(`${formatCount(uploaded + unchanged, 'file')}, ${size} in ${seconds.toFixed(1)} s (${rate} files/s)`)
  printLine(`  ${uploaded} uploaded, ${unchanged} unchanged, ${skipped} skipped, ${failed} failed`)
  const [errors, notices] = [true, false].map(isError => summary.skippedPaths.filter(path => path.isError === isError))
  printPaths('Skipped', skipped, notices!.slice(0, MAX_PRINTED))
  printPaths('Failed', failed, errors!)
}

/** Skipped paths that are printed; failures are all printed. */
const MAX_PRINTED = 10

function printPaths(title: string, total: number, shown: SkippedPath[]): void {
  if (total === 0) return
  logLine(`${title}:`)
  for (const { path, reason } of shown) logLine(`  ${formatPath(path)}: ${printable(reason)}`)
  if (total > shown.length) logLine(`  ... and ${total - shown.length} more`)
}

/** A path as text; if it is not UTF-8, its bytes are written as \xNN. */
function formatPath(path: Buffer): string {
  const text = path.toString()
  if (Buffer.from(text).equals(path)) return printable(text)
  return printable(path.toString('latin1').replaceAll(/[\x80-\xff]/g, byte => `\\x${byte.charCodeAt(0).toString(16)}`))
}
