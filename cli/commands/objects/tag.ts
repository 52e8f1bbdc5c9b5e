import { type Command, InvalidArgumentError, Option } from 'commander'
import { patchJson } from '../../connect/get-json.ts'
import { addTargetOptions, npxCommand, resolveTarget, type TargetFlags } from '../../connect/target.ts'
import { findVersion, type Version } from '../../objects/catalog-version.ts'
import { CliError } from '../../terminal/cli-error.ts'
import { printable, printableJson, printLine, printNext, shellQuote } from '../../terminal/print.ts'
import { formatTable } from '../../terminal/table.ts'

/** `catalog tag <key> [name=value...]`: shows or changes the tags of a version. */
export function addTag(program: Command): void {
  const command = program
    .command('tag')
    .description('show or change the tags of a version; those of a version in S3 are written to S3')
    .argument('<key>', 'the full key')
    .argument('[tags...]', 'tags to set, as name=value; the others stay', parsePair)
    .addOption(new Option('--remove <name>', 'remove this tag; may be repeated').argParser(collect).default([]))
    .option('--clear', 'remove all other tags')
    .option('--version-id <id>', 'of this version instead of the latest')
    .option('--json', 'print the tags as JSON')
    .addHelpText(
      'after',
      `
Examples:
  npx catalog tag documents/invoice.pdf
  npx catalog tag documents/invoice.pdf status=paid year=2026
  npx catalog tag documents/invoice.pdf --remove status
`,
    )
    .action(tag)
  addTargetOptions(command)
}

type Pair = [name: string, value: string]

type Flags = TargetFlags & { remove: string[]; clear?: boolean; versionId?: string; json?: boolean }

async function tag(key: string, pairs: Pair[], flags: Flags): Promise<void> {
  const target = resolveTarget(flags)
  const version = await findVersion(target, flags, key, flags.versionId)
  if (version.isDeleteMarker) throw new CliError(`${printable(key)} is deleted, and a delete marker has no tags`)
  const before = Object.entries(version.tags)
  const unknown = flags.remove.find(name => !before.some(([known]) => known === name))
  if (unknown !== undefined) throw new CliError(`${printable(key)} has no tag ${printable(unknown)}`)
  const kept = flags.clear ? [] : before.filter(([name]) => !flags.remove.includes(name))
  const isChange = pairs.length > 0 || flags.remove.length > 0 || flags.clear === true
  const tags = Object.fromEntries([...kept, ...pairs])
  const { versionId } = version
  const after = isChange
    ? await patchJson<Version>(target, '/version', { bucket: target.bucket, key, versionId }, { tags })
    : version
  printTags(after.tags, flags)
  if (isChange && !flags.json) printNext(npxCommand(`versions ${shellQuote(key)}`, flags))
}

function printTags(tags: Record<string, string>, { json }: Flags): void {
  const rows = Object.entries(tags)
  if (json) printLine(printableJson(tags, 2))
  else if (rows.length === 0) printLine('No tags.')
  else
    printLine(
      formatTable(rows, [
        { heading: 'Tag', text: ([name]) => printable(name), share: 1 },
        { heading: 'Value', text: ([, value]) => printable(value), share: 2 },
      ]),
    )
}

function parsePair(text: string, before: Pair[] = []): Pair[] {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Must be name=value.')
  return [...before, [text.slice(0, at), text.slice(at + 1)]]
}

function collect(name: string, before: string[]): string[] {
  return [...before, name]
}
