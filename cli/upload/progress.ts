import { Presets, SingleBar } from 'cli-progress'
import { count, humanSize, note } from '../terminal/print.ts'
import type { Summary } from './folder.ts'

/** Shows on standard error how far an upload is. */
export type Progress = { show(summary: Summary): void; total(files: number): void; end(): void }

/** A bar on a terminal, a line every few seconds elsewhere. */
export function startProgress(): Progress {
  return process.stderr.isTTY ? bar() : lines()
}

/** How many files of a walk are done with, and how many of them a second. */
function done(summary: Summary): number {
  return summary.uploaded + summary.there + summary.failed
}

function bar(): Progress {
  let files = 0
  const single = new SingleBar(
    { format: '{bar} {value} of {total} files, {bytes}, {rate} files/s', hideCursor: true, fps: 10, gracefulExit: false },
    Presets.shades_classic,
  )
  single.start(0, 0, { bytes: humanSize(0), rate: 0 })
  return {
    show(summary) {
      // The total is still being counted when the first files are done.
      single.setTotal(Math.max(files, done(summary)))
      const rate = Math.round(done(summary) / (summary.milliseconds / 1000))
      single.update(done(summary), { bytes: humanSize(summary.uploadedBytes + summary.thereBytes), rate })
    },
    total(counted) {
      files = counted
    },
    end: () => single.stop(),
  }
}

const EVERY_MS = 5000

function lines(): Progress {
  let shown = performance.now()
  return {
    show(summary) {
      if (performance.now() - shown < EVERY_MS) return
      shown = performance.now()
      note(`${count(summary.uploaded, 'file')} uploaded, ${humanSize(summary.uploadedBytes)}, ${summary.there} there already`)
    },
    total: () => undefined,
    end: () => undefined,
  }
}
