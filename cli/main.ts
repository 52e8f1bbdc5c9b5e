import { S3ServiceException } from '@aws-sdk/client-s3'
import { SQSServiceException } from '@aws-sdk/client-sqs'
import { Command } from 'commander'
import { unknownVariables } from '../shared/environment.ts'
import { Invalid } from '../shared/errors.ts'
import { addAudit } from './commands/audit.ts'
import { addBackfill } from './commands/backfill.ts'
import { addDeadLetters } from './commands/dead-letters.ts'
import { addDemo } from './commands/demo.ts'
import { addList } from './commands/list.ts'
import { addReconcile } from './commands/reconcile.ts'
import { addSearch } from './commands/search.ts'
import { addStats } from './commands/stats.ts'
import { addUpload } from './commands/upload.ts'
import { addVerify } from './commands/verify.ts'
import { addVersions } from './commands/versions.ts'
import { CliError, errorCode, isNetworkError } from './terminal/cli-error.ts'
import { logLine, printable } from './terminal/print.ts'

const program = new Command('catalog')
  .description('Storage Catalog: upload files to a bucket and find them, their versions and their history.')
  .showHelpAfterError('(run with --help for usage)')
  .addHelpText('after', '\nTo begin, start a catalog on this machine with npm start, then run: npx catalog demo')
addUpload(program)
addSearch(program)
addList(program)
addVersions(program)
addAudit(program)
addStats(program)
addDemo(program)
addVerify(program)
addDeadLetters(program)
addReconcile(program)
addBackfill(program)

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

/** One line for an expected error, the stack trace for an unexpected one. */
function describeError(error: unknown): string {
  if (error instanceof CliError) return error.message
  if (error instanceof Invalid) return printable(error.message)
  if (error instanceof S3ServiceException || error instanceof SQSServiceException || isNetworkError(error)) {
    return printable(`${errorCode(error)}: ${error instanceof Error ? error.message : error}`)
  }
  if (errorCode(error) === 'CredentialsProviderError') return 'No AWS credentials: run aws configure or aws sso login'
  return error instanceof Error && error.stack ? error.stack : String(error)
}
