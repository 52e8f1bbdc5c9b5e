import { Presets, SingleBar } from 'cli-progress'
import { formatCount, formatSize, logLine } from '../terminal/print.ts'
import type { UploadSummary } from './folder.ts'

/** Shows on standard error how far an upload is. */
export type Progress = { show(summary: UploadSummary): void; total(files: number): void; end(): void }

/** A bar on a terminal, a line every few seconds elsewhere. */
export function startUploadProgress(): Progress {
  return process.stderr.isTTY ? barProgress() : lineProgress()
}

/** How many files of a walk are done with, and how many of them a second. */
function countDone(summary: UploadSummary): number {
  return summary.uploaded + summary.unchanged + summary.failed
}

function barProgress(): Progress {
  let files = 0
  const single = new SingleBar(
    { format: '{bar} {value} of {total} files, {bytes}, {rate} files/s', hideCursor: true, fps: 10, gracefulExit: false },
    Presets.shades_classic,
  )
  single.start(0, 0, { bytes: formatSize(0), rate: 0 })
  return {
    show(summary) {
      // The total is still being counted when the first files are done.
      single.setTotal(Math.max(files, countDone(summary)))
      const rate = Math.round(countDone(summary) / (summary.milliseconds / 1000))
      single.update(countDone(summary), { bytes: formatSize(summary.uploadedBytes + summary.unchangedBytes), rate })
    },
    total(counted) {
      files = counted
    },
    end: () => single.stop(),
  }
}

const INTERVAL_MS = 5000

function lineProgress(): Progress {
  let shown = performance.now()
  return {
    show(summary) {
      if (performance.now() - shown < INTERVAL_MS) return
      shown = performance.now()
      logLine(
        `${formatCount(summary.uploaded, 'file')} uploaded, ${formatSize(summary.uploadedBytes)}, ${summary.unchanged} there already`,
      )
    },
    total: () => undefined,
    end: () => undefined,
  }
}
