import { randomInt } from 'node:crypto'
import type { Command } from 'commander'
import { type ConnectionConfig, connect, connectionFromEnvironment } from '../../../shared/database/connection.ts'
import { type Bucket, openBucket } from '../../connect/bucket.ts'
import { addTargetOptions, npxCommand, resolveTarget, type Target, type TargetFlags } from '../../connect/target.ts'
import { graceOption } from '../../reconcile/options.ts'
import { CliError, errorCode, isNetworkError } from '../../terminal/cli-error.ts'
import { checkMark, printable, printLine, printNext } from '../../terminal/print.ts'
import { type Check, type CheckContext, CheckFailed, CheckSkipped } from '../../verify/check.ts'
import { databaseChecks } from '../../verify/database.ts'
import { equalityChecks } from '../../verify/equality.ts'
import { queueChecks } from '../../verify/queues.ts'
import { cleanUp, walkthroughChecks } from '../../verify/walkthrough.ts'
import type { Document } from '../../walkthrough/document.ts'

/** `catalog verify`: whether an installation does what it should, step by step. */
export function addVerify(program: Command): void {
  const command = program
    .command('verify')
    .description('check an installation step by step, then delete what the checks wrote')
    .option('--no-compare', 'skip the comparison of bucket and catalog, which takes a request per thousand versions')
    .addOption(graceOption())
    .addHelpText(
      'after',
      '\nThe schema of the database is checked on this machine, and elsewhere if DATABASE_URL, or DATABASE_HOST and the variables with it, are set.\n\nExamples:\n  npx catalog verify\n  npx catalog verify --no-compare\n',
    )
    .action(verify)
  addTargetOptions(command)
}

const checks: Check[] = [...databaseChecks, ...walkthroughChecks, cleanUp, ...queueChecks, ...equalityChecks]

async function verify(flags: TargetFlags & { compare: boolean; grace: number }): Promise<void> {
  const target = resolveTarget(flags)
  const bucket = openBucket(target)
  const config = databaseConfig(target)
  const sql = config ? connect({ ...config, max: 2 }) : undefined
  const graceSeconds = flags.compare ? flags.grace : undefined
  const document = newDocument(target, bucket)
  const context: CheckContext = { flags, target, bucket, document, sql, graceSeconds }
  try {
    const failed = await runChecks(context)
    if (failed > 0) throw new CliError(`${failed} of ${checks.length} checks failed`)
  } finally {
    await sql?.end({ timeout: 5 })
  }
  printLine('All checks passed.')
  printNext(npxCommand('demo', flags), npxCommand('upload <folder>', flags))
}

/** A document with a word in its key that nothing else has, of letters only, so that a search does not split it. */
function newDocument(target: Target, bucket: Bucket): Document {
  const word = `verify${Array.from({ length: 16 }, () => 'abcdefghijklmnopqrstuvwxyz'[randomInt(26)]).join('')}`
  return {
    target,
    bucket,
    key: `verify/${word}/document.txt`,
    contents: ['first', 'second'],
    contentType: 'text/plain',
    metadata: { purpose: 'verify' },
    tags: { kind: 'check' },
    queries: [word, `${word.slice(0, -3)}*`],
    versionIds: [],
  }
}

/** Runs every check whose needs have passed, and returns how many failed. */
async function runChecks(context: CheckContext): Promise<number> {
  const passed = new Set<string>()
  let failed = 0
  for (const check of checks) {
    const missing = check.needs?.find(name => !passed.has(name))
    const { result, reason, details = [], ms } = await runCheck(context, check, missing)
    if (result === 'passed') passed.add(check.name)
    if (result === 'failed') failed++
    printLine(`${checkMark(result)} ${check.name.padEnd(LONGEST_NAME)} ${`${ms} ms`.padStart(9)}  ${reason}`)
    for (const line of details) printLine(`    ${line}`)
  }
  return failed
}

const LONGEST_NAME = Math.max(...checks.map(({ name }) => name.length))

type Outcome = { result: 'passed' | 'failed' | 'skipped'; reason: string; details?: string[]; ms: number }

async function runCheck(context: CheckContext, check: Check, missing: string | undefined): Promise<Outcome> {
  if (missing) return { result: 'skipped', reason: `needs ${missing}`, ms: 0 }
  const start = performance.now()
  const since = () => Math.round(performance.now() - start)
  try {
    return { result: 'passed', reason: await check.run(context), ms: since() }
  } catch (error) {
    const details = error instanceof CheckFailed ? error.details : []
    const result = error instanceof CheckSkipped ? 'skipped' : 'failed'
    return { result, reason: printable(describeError(error)), details, ms: since() }
  }
}

function describeError(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  if (isNetworkError(error)) return `cannot be reached (${errorCode(error)})`
  return message || errorCode(error)
}

function databaseConfig({ databaseUrl }: Target): ConnectionConfig | undefined {
  if (databaseUrl) return { url: databaseUrl }
  return process.env.DATABASE_HOST ? connectionFromEnvironment() : undefined
}
