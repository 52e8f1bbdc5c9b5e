import { DeleteObjectCommand } from '@aws-sdk/client-s3'
import type { Command } from 'commander'
import pMap from 'p-map'
import { explainS3Error, openBucket } from '../../connect/bucket.ts'
import { deleteJson } from '../../connect/get-json.ts'
import { addTargetOptions, npxCommand, resolveTarget, type Target, type TargetFlags } from '../../connect/target.ts'
import { findVersion, waitForCatalog } from '../../objects/catalog-version.ts'
import { listObjects } from '../../objects/list-objects.ts'
import { CliError } from '../../terminal/cli-error.ts'
import { formatCount, logLine, printable, printLine, printNext, shellQuote } from '../../terminal/print.ts'

/** `catalog rm <keys...>`: deletes objects, which keeps their versions, or one version for good. */
export function addRm(program: Command): void {
  const command = program
    .command('rm')
    .description('delete objects; a versioned bucket keeps their versions, and undelete brings them back')
    .argument('<keys...>', 'full keys, or with --recursive prefixes')
    .option('--recursive', 'delete all objects with these prefixes')
    .option('--dry-run', 'show what would be deleted')
    .option('--version-id <id>', 'delete this version of the key for good; needs --yes')
    .option('--yes', 'confirm --version-id')
    .addHelpText(
      'after',
      `
Examples:
  npx catalog rm documents/draft.txt
  npx catalog rm --recursive documents/2019/ --dry-run
  npx catalog rm documents/secret.txt --version-id 3sL4kqtJlcpXroDTDmJ_rmSpXd3dIbrH --yes
`,
    )
    .action(rm)
  addTargetOptions(command)
}

type Flags = TargetFlags & { recursive?: boolean; dryRun?: boolean; versionId?: string; yes?: boolean }

async function rm(names: string[], flags: Flags): Promise<void> {
  const target = resolveTarget(flags)
  if (flags.versionId !== undefined) return removeVersion(target, flags, names, flags.versionId)
  const keys = flags.recursive ? await keysBelow(target, names) : names
  if (keys.length === 0) throw new CliError(`No key begins with ${names.map(printable).join(' or ')}`)
  if (flags.dryRun) {
    for (const key of keys) printLine(printable(key))
    return printLine(`${formatCount(keys.length, 'object')} would be deleted.`)
  }
  let failed = 0
  await pMap(
    keys,
    async key => {
      try {
        await deleteJson(target, '/object', { bucket: target.bucket, key })
      } catch (error) {
        if (!(error instanceof CliError) || keys.length === 1) throw error
        failed++
        logLine(`${printable(key)}: ${error.message}`)
      }
    },
    { concurrency: 8 },
  )
  printLine(`${formatCount(keys.length - failed, 'object')} deleted.`)
  if (failed > 0) throw new CliError(`${formatCount(failed, 'object')} not deleted`)
  const undelete = flags.recursive ? 'undelete --recursive' : 'undelete'
  printNext(npxCommand(`${undelete} ${names.map(shellQuote).join(' ')}`, flags))
}

async function keysBelow(target: Target, prefixes: string[]): Promise<string[]> {
  const keys = new Set<string>()
  for (const prefix of prefixes) for await (const { key } of listObjects(target, prefix)) keys.add(key)
  return [...keys]
}

/** The API deletes no version from S3, so this goes to S3 itself. */
async function removeVersion(target: Target, flags: Flags, names: string[], versionId: string): Promise<void> {
  const [key = ''] = names
  if (names.length > 1 || flags.recursive) throw new CliError('--version-id needs one key, and not --recursive')
  const version = await findVersion(target, flags, key, versionId)
  const name = `version ${printable(versionId)} of ${printable(key)}`
  if (flags.dryRun) return printLine(`${name} would be deleted for good.`)
  if (!flags.yes) throw new CliError(`This deletes ${name} for good: add --yes to confirm`)
  const bucket = openBucket(target)
  try {
    await bucket.s3.send(new DeleteObjectCommand({ Bucket: bucket.name, Key: key, VersionId: versionId }))
  } catch (error) {
    throw explainS3Error(error, bucket)
  }
  if (version.isLatest) await waitForCatalog(target, key, latest => latest?.versionId !== versionId)
  printLine(`${name} is deleted for good.`)
  printNext(npxCommand(`versions ${shellQuote(key)}`, flags))
}
