import { Command } from 'commander'
import { unknownVariables } from '../shared/environment.ts'
import { Invalid } from '../shared/errors.ts'
import { loadCommands } from './commands/load.ts'
import { CliError, errorCode, isNetworkError } from './terminal/cli-error.ts'
import { logLine, printable } from './terminal/print.ts'

const program = new Command('catalog')
  .description('Storage Catalog: upload files to a bucket and find them, their versions and their history.')
  .showHelpAfterError('(run with --help for usage)')
  .addHelpText('after', '\nTo begin, start a catalog on this machine with npm start, then run: npx catalog demo')
for (const add of await loadCommands(process.argv[2])) add(program)

// `catalog list | head` closes the pipe early.
process.stdout.on('error', error => {
  if (errorCode(error) === 'EPIPE') process.exit(0)
  throw error
})

for (const name of unknownVariables()) logLine(`catalog: ${name} is not a variable of the catalog and is ignored`)

try {
  await program.parseAsync()
} catch (error) {
  logLine(`catalog: ${describeError(error)}`)
  process.exitCode = error instanceof CliError ? error.exitCode : 1
}

/** One line for an expected error (those of the AWS SDK have `$metadata`), the stack trace for an unexpected one. */
function describeError(error: unknown): string {
  if (error instanceof CliError) return error.message
  if (error instanceof Invalid) return printable(error.message)
  if ((error instanceof Error && '$metadata' in error) || isNetworkError(error)) {
    return printable(`${errorCode(error)}: ${error instanceof Error ? error.message : error}`)
  }
  if (errorCode(error) === 'CredentialsProviderError') return 'No AWS credentials: run aws configure or aws sso login'
  return error instanceof Error && error.stack ? error.stack : String(error)
}
