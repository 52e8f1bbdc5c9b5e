import { formatCount, formatSize, logLine } from '../terminal/print.ts'
import { startBar } from '../terminal/progress-bar.ts'

/** Progress of a download on standard error. `bytes` tells how many bytes of a file are there. */
export type DownloadProgress = {
  expect(size: number): void
  bytes(key: string, bytes: number): void
  end(): void
}

const INTERVAL_MS = 5000

/** A bar on a terminal, elsewhere a line every five seconds. */
export function startDownloadProgress(): DownloadProgress {
  const files = new Map<string, number>()
  const start = performance.now()
  let [done, total, shown] = [0, 0, start]
  const fields = () => {
    const rate = done / Math.max(0.1, (performance.now() - start) / 1000)
    return { done: formatSize(done), all: formatSize(total), rate: formatSize(Math.round(rate)) }
  }
  const bar = startBar('{percentage}% {done} of {all}, {rate}/s, ETA {eta_formatted}', fields())
  return {
    expect(size) {
      total += size
    },
    bytes(key, bytes) {
      done += bytes - (files.get(key) ?? 0)
      files.set(key, bytes)
      bar?.update(done, total, fields())
      if (bar || performance.now() - shown < INTERVAL_MS) return
      shown = performance.now()
      const { done: size, all, rate } = fields()
      logLine(`${formatCount(files.size, 'file')}, ${size} of ${all}, ${rate}/s`)
    },
    end: () => bar?.end(),
  }
}
