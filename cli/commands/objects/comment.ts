import type { Command } from 'commander'
import { patchJson } from '../../connect/get-json.ts'
import { addTargetOptions, npxCommand, resolveTarget, type TargetFlags } from '../../connect/target.ts'
import { findVersion, type Version } from '../../objects/catalog-version.ts'
import { CliError } from '../../terminal/cli-error.ts'
import { printable, printLine, printNext, shellQuote } from '../../terminal/print.ts'

/** `catalog comment <key> [words...]`: shows, sets or clears the comment of a version. */
export function addComment(program: Command): void {
  const command = program
    .command('comment')
    .description('show, set or clear the comment of a version, which the catalog keeps')
    .argument('<key>', 'the full key')
    .argument('[words...]', 'the comment; without one it is shown')
    .option('--clear', 'remove the comment')
    .option('--version-id <id>', 'of this version instead of the latest')
    .addHelpText(
      'after',
      `
Examples:
  npx catalog comment documents/contract.pdf as signed by both
  npx catalog comment documents/contract.pdf --clear
`,
    )
    .action(comment)
  addTargetOptions(command)
}

async function comment(
  key: string,
  words: string[],
  flags: TargetFlags & { clear?: boolean; versionId?: string },
): Promise<void> {
  if (flags.clear && words.length > 0) throw new CliError('--clear and a comment exclude each other')
  const target = resolveTarget(flags)
  const version = await findVersion(target, flags, key, flags.versionId)
  const isChange = flags.clear === true || words.length > 0
  const parameters = { bucket: target.bucket, key, versionId: version.versionId }
  const value = { comment: flags.clear ? null : words.join(' ') }
  const { comment: text } = isChange ? await patchJson<Version>(target, '/version', parameters, value) : version
  printLine(text === null ? 'No comment.' : printable(text))
  if (isChange) printNext(npxCommand(`versions ${shellQuote(key)}`, flags))
}
