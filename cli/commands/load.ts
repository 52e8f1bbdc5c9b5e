import type { Command } from 'commander'

/** Adds a command to the program. */
export type AddCommand = (program: Command) => void

/** Every command by its name, in the order of the help. Each has its own file, which is loaded only when it is needed. */
const COMMANDS: Record<string, () => Promise<AddCommand>> = {
  upload: async () => (await import('./objects/upload.ts')).addUpload,
  search: async () => (await import('./find/search.ts')).addSearch,
  list: async () => (await import('./find/list.ts')).addList,
  versions: async () => (await import('./find/versions.ts')).addVersions,
  download: async () => (await import('./objects/download.ts')).addDownload,
  open: async () => (await import('./objects/open.ts')).addOpen,
  restore: async () => (await import('./objects/restore.ts')).addRestore,
  rm: async () => (await import('./objects/rm.ts')).addRm,
  undelete: async () => (await import('./objects/undelete.ts')).addUndelete,
  tag: async () => (await import('./objects/tag.ts')).addTag,
  comment: async () => (await import('./objects/comment.ts')).addComment,
  audit: async () => (await import('./find/audit.ts')).addAudit,
  stats: async () => (await import('./find/stats.ts')).addStats,
  demo: async () => (await import('./operate/demo.ts')).addDemo,
  verify: async () => (await import('./operate/verify.ts')).addVerify,
  'dead-letters': async () => (await import('./operate/dead-letters.ts')).addDeadLetters,
  reconcile: async () => (await import('./operate/reconcile.ts')).addReconcile,
  backfill: async () => (await import('./operate/backfill.ts')).addBackfill,
}

/** Loads the command of a name, none for `--version`, or all of them for anything else, such as a flag or a typing error: the help names them all. */
export async function loadCommands(name: string | undefined): Promise<AddCommand[]> {
  if (name === '--version') return []
  const load = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  return load ? [await load()] : Promise.all(Object.values(COMMANDS).map(load => load()))
}
