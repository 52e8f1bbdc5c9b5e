import { spawn } from 'node:child_process'
import { type Command, Option } from 'commander'
import { getJson } from '../../connect/get-json.ts'
import { addTargetOptions, resolveTarget, type TargetFlags } from '../../connect/target.ts'
import { CliError } from '../../terminal/cli-error.ts'
import { logLine, printLine } from '../../terminal/print.ts'
import { formatTime, parseDuration } from '../../terminal/time.ts'

/** `catalog open <key>`: prints a link that downloads a version without credentials until it expires, or opens it. */
export function addOpen(program: Command): void {
  const command = program
    .command('open')
    .description(
      'print a link that downloads an object without credentials until it expires; the audit trail shows it as DOWNLOAD',
    )
    .argument('<key>', 'the full key')
    .option('--browser', 'open the link in the browser, too')
    .addOption(
      new Option('--expires <duration>', 'how long the link is valid: 15m, 2h, at most 7d')
        .argParser(parseDuration)
        .default(900, '15m'),
    )
    .option('--version-id <id>', 'of this version instead of the latest')
    .addHelpText(
      'after',
      `
Examples:
  npx catalog open documents/invoice.pdf --browser
  npx catalog open documents/invoice.pdf --expires 2h
`,
    )
    .action(open)
  addTargetOptions(command)
}

async function open(key: string, flags: TargetFlags & { browser?: boolean; expires: number; versionId?: string }): Promise<void> {
  const target = resolveTarget(flags)
  const { versionId, expires: expiresIn } = flags
  const parameters = { bucket: target.bucket, key, versionId, expiresIn }
  const { url, expiresAt } = await getJson<{ url: string; expiresAt: string }>(target, '/download', parameters)
  printLine(url)
  logLine(`Valid until ${formatTime(expiresAt)}`)
  if (flags.browser) await openInBrowser(url)
}

/** Starts the program of the desktop; BROWSER names another one. */
async function openInBrowser(url: string): Promise<void> {
  const [program, args] = process.env.BROWSER ? [process.env.BROWSER, [url]] : openerOf(process.platform, url)
  const child = spawn(program, args, { stdio: 'ignore', detached: true })
  await new Promise<void>((resolve, reject) => {
    child.on('spawn', resolve)
    child.on('error', error => reject(new CliError(`${program} cannot be started: open the link yourself`, { cause: error })))
  })
  child.unref()
}

function openerOf(platform: NodeJS.Platform, url: string): [program: string, args: string[]] {
  if (platform === 'darwin') return ['open', [url]]
  return platform === 'win32' ? ['explorer.exe', [url]] : ['xdg-open', [url]]
}
