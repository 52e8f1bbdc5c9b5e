import type { Command } from 'commander'
import { explainS3Error, openBucket } from '../../connect/bucket.ts'
import { addTargetOptions, npxCommand, resolveTarget, type TargetFlags } from '../../connect/target.ts'
import { findVersion, waitForCatalog } from '../../objects/catalog-version.ts'
import { copyVersion } from '../../objects/copy-version.ts'
import { CliError, errorCode } from '../../terminal/cli-error.ts'
import { printable, printLine, printNext, shellQuote } from '../../terminal/print.ts'

/** `catalog restore <key> <version>`: makes an old version the latest again, by copying it. */
export function addRestore(program: Command): void {
  const command = program
    .command('restore')
    .description('make an old version the latest again, by copying it; all versions stay')
    .argument('<key>', 'the full key')
    .argument('<version>', 'the version id, as versions prints it')
    .addHelpText('after', '\nExamples:\n  npx catalog restore documents/invoice.pdf 3sL4kqtJlcpXroDTDmJ_rmSpXd3dIbrH\n')
    .action(restore)
  addTargetOptions(command)
}

async function restore(key: string, versionId: string, flags: TargetFlags): Promise<void> {
  const target = resolveTarget(flags)
  const bucket = openBucket(target)
  const version = await findVersion(target, flags, key, versionId)
  const name = `Version ${printable(versionId)} of ${printable(key)}`
  if (version.isDeleteMarker)
    throw new CliError(`${name} is a delete marker. Delete the key with: ${npxCommand(`rm ${shellQuote(key)}`, flags)}`)
  if (version.isLatest) return printLine(`${name} is the latest already.`)
  let copy: string
  try {
    copy = await copyVersion(bucket, key, versionId)
  } catch (error) {
    if (errorCode(error) === 'InvalidObjectState')
      throw new CliError(`${name} is archived (${version.storageClass}): restore it from the archive in S3 first`)
    throw explainS3Error(error, bucket)
  }
  await waitForCatalog(target, key, latest => latest?.versionId === copy)
  printLine(`${name} is the latest again, as version ${printable(copy)}.`)
  printNext(npxCommand(`versions ${shellQuote(key)}`, flags))
}
