import type { Command } from 'commander'
import type { AuditEntry } from '../../shared/catalog/audit.ts'
import type { Jsonify } from '../connect/get-json.ts'
import { addTargetOptions, npxCommand, resolveTarget, type TargetFlags } from '../connect/target.ts'
import { formatTime, printable } from '../terminal/print.ts'
import { addPageOptions, type ListFlags, printList } from '../terminal/print-list.ts'

/** `catalog audit [key]`: who did what, newest first. */
export function addAudit(program: Command): void {
  const command = program
    .command('audit')
    .description('read the audit trail: who did what, when, from where, newest first')
    .argument('[key]', 'only of this key')
    .option('--user <id>', 'only of this user')
    .option('--action <action>', 'only this action: UPLOAD, DOWNLOAD, DELETE, ...')
    .option('--from <time>', 'from this moment on, for example 2026-01-31T08:00:00Z')
    .option('--to <time>', 'before this moment')
    .action(audit)
  addPageOptions(addTargetOptions(command))
}

type Filter = { user?: string; action?: string; from?: string; to?: string }

async function audit(key: string | undefined, flags: TargetFlags & ListFlags & Filter): Promise<void> {
  const target = resolveTarget(flags)
  const { user: userId, action, from, to } = flags
  type Entry = Jsonify<AuditEntry>
  await printList<Entry, Entry>(target, '/audit', { bucket: target.bucket, key, userId, action, from, to }, flags, {
    columns: [
      { heading: 'When', text: ({ occurredAt }) => formatTime(occurredAt) },
      { heading: 'Action', text: ({ action }) => printable(action) },
      { heading: 'Who', text: ({ userName, userId }) => printable(userName ?? userId ?? '') },
      { heading: 'From', text: ({ ipAddress }) => printable(ipAddress ?? '') },
      { heading: 'Key', text: ({ key }) => printable(key ?? ''), wide: true },
      { heading: 'Result', text: ({ success, errorMessage }) => (success ? 'done' : `failed: ${printable(errorMessage ?? '')}`) },
    ],
    rows: page => page.items,
    empty: 'Nothing is recorded.',
    next: () => [npxCommand('stats', flags)],
  })
}
