import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { unknownVariables } from '../shared/environment.ts'
import { Invalid } from '../shared/errors.ts'
import { loadCommands } from './commands/load.ts'
import { CliError, errorCode, isNetworkError } from './terminal/cli-error.ts'
import { logLine, printable } from './terminal/print.ts'

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as { version: string }

const program = new Command('catalog')
  .description('Storage Catalog: upload files to a bucket and find them, their versions and their history.')
  .version(`storage-catalog ${version}`, '--version', 'print the version')
  // Only before the name of a command.
  .enablePositionalOptions()
  .showHelpAfterError('Usage: npx catalog --help')
  .addHelpText('after', '\nTo begin, start a catalog on this machine with npm start, then run: npx catalog demo')
for (const add of await loadCommands(process.argv[2])) add(program)
for (const command of program.commands) command.showHelpAfterError(`Usage and examples: npx catalog ${command.name()} --help`)

// `catalog list | head` closes the pipe early; a disk may be full.
process.stdout.on('error', error => {
  if (errorCode(error) === 'EPIPE') process.exit(0)
  logLine(`catalog: The output cannot be written: ${error.message}`)
  process.exit(1)
})
process.stderr.on('error', () => process.exit(1))

for (const name of unknownVariables()) logLine(`catalog: ${name} is not a variable of the catalog and is ignored`)

try {
  await program.parseAsync()
} catch (error) {
  logLine(`catalog: ${describeError(error)}`)
  process.exitCode = error instanceof CliError ? error.exitCode : 1
}

/** One line for an expected error (those of the AWS SDK have `$metadata`, those of the file system `syscall`), the stack trace for an unexpected one. */
function describeError(error: unknown): string {
  if (error instanceof CliError) return error.message
  if (error instanceof Invalid) return printable(error.message)
  if ((error instanceof Error && '$metadata' in error) || isNetworkError(error)) {
    return printable(`${errorCode(error)}: ${error instanceof Error ? error.message : error}`)
  }
  if (error instanceof Error && 'syscall' in error) return printable(error.message)
  if (errorCode(error) === 'CredentialsProviderError') return 'No AWS credentials: run aws configure or aws sso login'
  return error instanceof Error && error.stack ? error.stack : String(error)
}
