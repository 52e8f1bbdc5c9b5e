import { formatCount, formatSize, logLine } from '../terminal/print.ts'
import { type ProgressBar, startBar } from '../terminal/progress-bar.ts'
import type { UploadSummary } from './folder.ts'

/** Progress of an upload on standard error. */
export type Progress = { show(summary: UploadSummary): void; total(files: number): void; end(): void }

/** A bar on a terminal, elsewhere a line every five seconds. */
export function startUploadProgress(): Progress {
  const bar = startBar('{percentage}% {value} of {total} files, {bytes}, {rate} files/s, ETA {eta_formatted}', {
    bytes: formatSize(0),
    rate: 0,
  })
  return bar ? barProgress(bar) : lineProgress()
}

/** Files that are finished, whatever the result. */
function countDone(summary: UploadSummary): number {
  return summary.uploaded + summary.unchanged + summary.failed
}

function barProgress(bar: ProgressBar): Progress {
  let files = 0
  return {
    show(summary) {
      const done = countDone(summary)
      const rate = Math.round(done / (summary.milliseconds / 1000))
      // Files are still being counted while the first ones are uploaded.
      bar.update(done, Math.max(files, done), { bytes: formatSize(summary.uploadedBytes + summary.unchangedBytes), rate })
    },
    total(counted) {
      files = counted
    },
    end: bar.end,
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
        `${formatCount(summary.uploaded, 'file')} uploaded, ${formatSize(summary.uploadedBytes)}, ${summary.unchanged} unchanged`,
      )
    },
    total: () => undefined,
    end: () => undefined,
  }
}
