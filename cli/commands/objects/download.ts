import { stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Command, Option } from 'commander'
import { addTargetOptions, npxCommand, resolveTarget, type Target, type TargetFlags } from '../../connect/target.ts'
import { fetchFile, type Outcome } from '../../download/fetch-file.ts'
import { type DownloadSummary, downloadFolder } from '../../download/folder.ts'
import { makeParent, problemOfPath } from '../../download/paths.ts'
import { startDownloadProgress } from '../../download/progress.ts'
import { readBody, requestVersion, type Source, withRetries } from '../../download/request-version.ts'
import { findVersion } from '../../objects/catalog-version.ts'
import { CliError } from '../../terminal/cli-error.ts'
import { wholeNumberBetween } from '../../terminal/numbers.ts'
import { formatCount, formatSize, logLine, printable, printLine, printNext, shellQuote } from '../../terminal/print.ts'
import { onStopSignal } from '../../terminal/signals.ts'

/** `catalog download <key> [destination]`: downloads an object, a version, or all objects with a prefix; a second run continues. */
export function addDownload(program: Command): void {
  const command = program
    .command('download')
    .description('download an object, one of its versions, or a folder; a second run continues an interrupted one')
    .argument('<key>', 'the full key, or a prefix that ends with /')
    .argument('[destination]', 'a file or folder, or - for standard output; by default the last name of the key')
    .option('--version-id <id>', 'this version instead of the latest')
    .option('--recursive', 'download all objects with this prefix')
    .option('--overwrite', 'replace files that have another content, or one that cannot be compared')
    .addOption(
      new Option('--concurrency <n>', 'number of files downloaded at once, 1 to 64')
        .argParser(wholeNumberBetween(1, 64))
        .default(8),
    )
    .addHelpText(
      'after',
      `
Examples:
  npx catalog download documents/invoice.pdf
  npx catalog download documents/invoice.pdf old.pdf --version-id 3sL4kqtJlcpXroDTDmJ_rmSpXd3dIbrH
  npx catalog download documents/2026/ ~/archive
  npx catalog download logs/app.log - | tail
`,
    )
    .action(download)
  addTargetOptions(command)
}

type Flags = TargetFlags & { versionId?: string; recursive?: boolean; overwrite?: boolean; concurrency: number }

async function download(key: string, destination: string | undefined, flags: Flags): Promise<void> {
  const target = resolveTarget(flags)
  const signals = onStopSignal(() => logLine('\nStopping ...'))
  try {
    if (flags.recursive || key.endsWith('/')) await downloadAll(target, flags, key, destination, signals.signal)
    else await downloadOne(target, flags, key, destination, signals.signal)
  } catch (error) {
    if (!signals.signal.aborted) throw error
    throw new CliError('Stopped. Run the same command again to continue.', { exitCode: 130 })
  } finally {
    signals.release()
  }
}

async function downloadOne(target: Target, flags: Flags, key: string, destination: string | undefined, signal: AbortSignal) {
  const { versionId, isDeleteMarker, size, etag } = await findVersion(target, flags, key, flags.versionId)
  if (isDeleteMarker) {
    const commands = ['undelete', 'versions'].map(name => npxCommand(`${name} ${shellQuote(key)}`, flags))
    throw new CliError(
      `${printable(key)} is deleted. Bring it back with: ${commands[0]}   List its versions with: ${commands[1]}`,
    )
  }
  const source: Source = { key, versionId, size: size ?? 0, etag }
  if (destination === '-') {
    const response = await withRetries(signal, () => requestVersion(target, source, 0, signal))
    return pipeline(readBody(response), process.stdout, { end: false })
  }
  const file = await fileFor(key, destination)
  await makeParent(file)
  const progress = startDownloadProgress()
  progress.expect(source.size)
  try {
    const options = { overwrite: flags.overwrite === true, signal, onBytes: (bytes: number) => progress.bytes(key, bytes) }
    const outcome = await fetchFile(target, source, file, options)
    progress.end()
    printLine(`${printable(file)}: ${formatSize(source.size)} ${describeOutcome(outcome)}`)
  } catch (error) {
    if (error instanceof CliError) throw new CliError(`${printable(file)}: ${error.message}`, { cause: error })
    throw error
  } finally {
    progress.end()
  }
}

async function downloadAll(target: Target, flags: Flags, key: string, destination: string | undefined, signal: AbortSignal) {
  if (flags.versionId !== undefined) throw new CliError('--version-id needs one key, not a folder')
  const prefix = key === '' || key.endsWith('/') ? key : `${key}/`
  const name = basename(prefix)
  if (destination === undefined && problemOfPath(name)) throw new CliError('Name the folder to download into')
  const folder = destination ?? name
  const progress = startDownloadProgress()
  try {
    const { concurrency, overwrite = false } = flags
    const summary = await downloadFolder(target, { prefix, folder, concurrency, overwrite, signal, progress })
    progress.end()
    const { downloaded, bytes, unchanged, notCompared, folders, failures, failed } = summary
    if (downloaded + unchanged + notCompared + folders + failed === 0)
      throw new CliError(`No key begins with ${printable(prefix)}. List what there is with: ${npxCommand('list', flags)}`)
    printLine(
      `${formatCount(downloaded, 'file')}, ${formatSize(bytes)} downloaded to ${printable(folder)}, ${unchanged} unchanged, ${notCompared} not compared, ${failed} failed`,
    )
    printNotCompared(summary)
    for (const { key, reason } of failures) logLine(`  ${printable(key)}: ${printable(reason)}`)
    if (failed > failures.length) logLine(`  ... and ${failed - failures.length} more`)
    if (failed > 0) throw new CliError(`${formatCount(failed, 'file')} not downloaded`)
    printNext(npxCommand(`list ${shellQuote(prefix)}`, flags))
  } finally {
    progress.end()
  }
}

function describeOutcome({ state, resumed }: Outcome): string {
  if (state === 'downloaded') return resumed > 0 ? `downloaded, ${formatSize(resumed)} of it earlier` : 'downloaded'
  if (state === 'unchanged') return 'is there already'
  return 'is there already. The ETag does not tell whether the content is the same: --overwrite downloads it again'
}

function printNotCompared({ notCompared, notComparedKeys }: DownloadSummary): void {
  if (notCompared === 0) return
  logLine('Kept. The ETags do not tell whether the content is the same; --overwrite downloads these files again:')
  for (const key of notComparedKeys) logLine(`  ${printable(key)}`)
  if (notCompared > notComparedKeys.length) logLine(`  ... and ${notCompared - notComparedKeys.length} more`)
}

/** The file of a destination: itself, or below it when it is a folder. */
async function fileFor(key: string, destination: string | undefined): Promise<string> {
  const isFolder =
    destination === undefined || destination.endsWith('/') || (await stat(destination).catch(() => undefined))?.isDirectory()
  if (!isFolder) return resolve(destination!)
  const name = key.split('/').at(-1)!
  const problem = problemOfPath(name)
  if (problem) throw new CliError(`${printable(key)} can't be the name of a file (${problem}): give a file as the destination`)
  return join(resolve(destination ?? '.'), name)
}
