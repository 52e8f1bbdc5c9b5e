import { type Command, Option } from 'commander'
import type { AuditEntry } from '../../../shared/catalog/audit.ts'
import type { Jsonify } from '../../connect/get-json.ts'
import { addTargetOptions, npxCommand, resolveTarget, type TargetFlags } from '../../connect/target.ts'
import { printable } from '../../terminal/print.ts'
import { addPageOptions, type ListFlags, printList } from '../../terminal/print-list.ts'
import { formatTime, parseTime } from '../../terminal/time.ts'

/** `catalog audit [key]`: entries of the audit trail, newest first. */
export function addAudit(program: Command): void {
  const command = program
    .command('audit')
    .description('show the audit trail: who did what, when and from where, newest first')
    .argument('[key]', 'only entries of this key')
    .option('--user <id>', 'only entries of this user')
    .option('--source <source>', 'only entries reported by S3 (event), by the API (api), or by a caller of POST /audit (posted)')
    .addOption(
      new Option('--action <action>', 'only entries of this action: upload, download, delete, ...').argParser(text =>
        text.toUpperCase(),
      ),
    )
    .addOption(new Option('--from <time>', 'start time, inclusive, as the table prints it or in ISO 8601').argParser(parseTime))
    .addOption(new Option('--to <time>', 'end time, exclusive').argParser(parseTime))
    .addHelpText(
      'after',
      `
Times without a zone are local time, and a day begins at 00:00.

Examples:
  npx catalog audit documents/invoice.pdf
  npx catalog audit --action download --user ann --from 2026-03-01 --to "2026-03-14 15:09:26"
`,
    )
    .action(audit)
  addPageOptions(addTargetOptions(command))
}

type Filter = { user?: string; source?: string; action?: string; from?: string; to?: string }

type Entry = Jsonify<AuditEntry>

async function audit(key: string | undefined, flags: TargetFlags & ListFlags & Filter): Promise<void> {
  const target = resolveTarget(flags)
  const { user: userId, source, action, from, to } = flags
  await printList<Entry, Entry>(target, '/audit', { bucket: target.bucket, key, userId, source, action, from, to }, flags, {
    columns: [
      { heading: 'When', text: ({ occurredAt }) => formatTime(occurredAt) },
      { heading: 'Action', text: ({ action }) => printable(action) },
      { heading: 'Who', text: whoOf, share: 1, least: 10 },
      { heading: 'Source', text: ({ source }) => printable(source) },
      { heading: 'From', text: ({ ipAddress }) => printable(ipAddress ?? ''), share: 1, least: 9 },
      { heading: 'Key', text: ({ key }) => printable(key ?? ''), share: 3 },
      { heading: 'Failure', text: ({ success, errorMessage }) => (success ? '' : printable(errorMessage || 'failed')), share: 2 },
    ],
    rows: page => page.items,
    empty: 'No audit entries found.',
    next: () => [npxCommand('stats', flags)],
  })
}

/** The user whom S3 or the API knows, and whom the one who posted the entry named. */
function whoOf({ userName, userId, claimed }: Entry): string {
  const who = printable(userName ?? userId ?? '')
  const named = claimed?.userName ?? claimed?.userId
  return named === undefined ? who : `${who} (claims ${printable(named)})`
}
