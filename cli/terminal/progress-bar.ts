import { Presets, SingleBar } from 'cli-progress'

/** A bar on standard error; a format may use {percentage}, {eta_formatted}, {value}, {total} and fields of `update`. */
export type ProgressBar = { update(value: number, total: number, fields: Record<string, string | number>): void; end(): void }

/** The most and the least columns of a bar. */
const BAR_COLUMNS = { most: 30, least: 8 }

/** Columns that the text beside a bar needs. */
const TEXT_COLUMNS = 72

/** Starts a bar that fits the terminal, or returns undefined when standard error is not one. */
export function startBar(format: string, fields: Record<string, string | number>): ProgressBar | undefined {
  if (!process.stderr.isTTY) return undefined
  const barsize = Math.max(BAR_COLUMNS.least, Math.min(BAR_COLUMNS.most, (process.stderr.columns || 80) - TEXT_COLUMNS))
  const bar = new SingleBar(
    { format: `{bar} ${format}`, barsize, etaBuffer: 50, hideCursor: true, fps: 10, gracefulExit: false },
    Presets.shades_classic,
  )
  bar.start(0, 0, fields)
  return {
    update(value, total, next) {
      bar.setTotal(total)
      bar.update(value, next)
    },
    end: () => bar.stop(),
  }
}
