import { Presets, SingleBar } from 'cli-progress'
import { formatCount, formatSize, logLine } from '../terminal/print.ts'
import type { UploadSummary } from './folder.ts'

/** Progress of an upload on standard error. */
export type Progress = { show(summary: UploadSummary): void; total(files: number): void; end(): void }

/** A bar on a terminal, elsewhere a line every five seconds. */
export function startUploadProgress(): Progress {
  return process.stderr.isTTY ? barProgress() : lineProgress()
}

/** Files that are finished, whatever the result. */
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
      // Files are still being counted while the first ones are uploaded.
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
        `${formatCount(summary.uploaded, 'file')} uploaded, ${formatSize(summary.uploadedBytes)}, ${summary.unchanged} unchanged`,
      )
    },
    total: () => undefined,
    end: () => undefined,
  }
}
