import { tmpdir } from 'node:os'
import { spawn } from '@lydell/node-pty'
import { UnicodeGraphemesAddon } from '@xterm/addon-unicode-graphemes'
import headless from '@xterm/headless'
import { LAUNCHER } from './catalog.ts'

/** What a person sees after a command: the lines of the screen and above it. `isWrapped`: whether a line was too long for the terminal. */
export type Screen = { code: number; lines: string[]; isWrapped: boolean }

/** A command in a pseudo-terminal. `shown` returns what was on the screen so far. */
export type TerminalCommand = { shown(): string[]; interrupt(): void; ended: Promise<Screen> }

/** Runs the command line in a pseudo-terminal with this many columns, and reads its screen through the emulator of xterm.js. */
export function startInTerminal(args: string[], columns: number, env: Record<string, string> = {}): TerminalCommand {
  const terminal = new headless.Terminal({ cols: columns, rows: 50, scrollback: 5000, allowProposedApi: true })
  // Widths by grapheme, as current terminals have them.
  terminal.loadAddon(new UnicodeGraphemesAddon())
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    name: 'xterm-256color',
    cols: columns,
    rows: 50,
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, HOME: tmpdir(), TZ: 'UTC', LANG: 'C.UTF-8', ...env },
  })
  child.onData(data => terminal.write(data))
  const ended = new Promise<Screen>(resolve =>
    child.onExit(({ exitCode }) =>
      terminal.write('', () => {
        resolve({ code: exitCode, lines: linesOf(terminal), isWrapped: linesIn(terminal).some(line => line.isWrapped) })
        terminal.dispose()
      }),
    ),
  )
  return { shown: () => linesOf(terminal), interrupt: () => child.write('\x03'), ended }
}

/** The same for a command that ends by itself. */
export function runInTerminal(args: string[], columns: number, env?: Record<string, string>): Promise<Screen> {
  return startInTerminal(args, columns, env).ended
}

function linesIn({ buffer }: headless.Terminal) {
  return Array.from({ length: buffer.active.length }, (_, n) => buffer.active.getLine(n)!)
}

/** Without the empty lines at the end. */
function linesOf(terminal: headless.Terminal): string[] {
  const lines = linesIn(terminal).map(line => line.translateToString(true))
  return lines.slice(0, lines.findLastIndex(line => line !== '') + 1)
}
