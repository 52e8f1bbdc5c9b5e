import type { Command } from 'commander'

/** Adds a command to the program. */
export type AddCommand = (program: Command) => void

/** Every command by its name, in the order of the help. Each has its own file, which is loaded only when it is needed. */
const COMMANDS: Record<string, () => Promise<AddCommand>> = {
  upload: async () => (await import('./upload.ts')).addUpload,
  search: async () => (await import('./search.ts')).addSearch,
  list: async () => (await import('./list.ts')).addList,
  versions: async () => (await import('./versions.ts')).addVersions,
  download: async () => (await import('./download.ts')).addDownload,
  open: async () => (await import('./open.ts')).addOpen,
  restore: async () => (await import('./restore.ts')).addRestore,
  rm: async () => (await import('./rm.ts')).addRm,
  undelete: async () => (await import('./undelete.ts')).addUndelete,
  tag: async () => (await import('./tag.ts')).addTag,
  comment: async () => (await import('./comment.ts')).addComment,
  audit: async () => (await import('./audit.ts')).addAudit,
  stats: async () => (await import('./stats.ts')).addStats,
  demo: async () => (await import('./demo.ts')).addDemo,
  verify: async () => (await import('./verify.ts')).addVerify,
  'dead-letters': async () => (await import('./dead-letters.ts')).addDeadLetters,
  reconcile: async () => (await import('./reconcile.ts')).addReconcile,
  backfill: async () => (await import('./backfill.ts')).addBackfill,
}

/** Loads the command of a name, none for `--version`, or all of them for anything else, such as a flag or a typing error: the help names them all. */
export async function loadCommands(name: string | undefined): Promise<AddCommand[]> {
  if (name === '--version') return []
  const load = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  return load ? [await load()] : Promise.all(Object.values(COMMANDS).map(load => load()))
}
