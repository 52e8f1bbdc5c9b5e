import { Presets, SingleBar } from 'cli-progress'
import { driftOf, type Findings } from '../../shared/catalog/reconcile-runs.ts'
import { formatCount, logLine } from '../terminal/print.ts'

/** Shows on standard error how far reconciles are, those of several prefixes together. */
export type ReconcileProgress = { show(scope: string, findings: Findings): void; end(): void }

const INTERVAL_MS = 5000

/** A bar on a terminal, a line every few seconds elsewhere. `total` is how many versions there are, as far as is known. */
export function startReconcileProgress(total: number): ReconcileProgress {
  const parts = new Map<string, Findings>()
  const sum = (of: (findings: Findings) => number) => [...parts.values()].reduce((all, findings) => all + of(findings), 0)
  const bar = process.stderr.isTTY ? startBar(total) : undefined
  let shown = performance.now()
  return {
    show(scope, findings) {
      parts.set(scope, findings)
      const [versions, drift] = [sum(part => part.versions), sum(driftOf)]
      bar?.setTotal(Math.max(total, versions))
      bar?.update(versions, { drift })
      if (bar || performance.now() - shown < INTERVAL_MS) return
      shown = performance.now()
      logLine(`${formatCount(versions, 'version')} compared, ${formatCount(drift, 'difference')}`)
    },
    end: () => bar?.stop(),
  }
}

function startBar(total: number): SingleBar {
  const format = '{bar} {value} of about {total} versions, {drift} differences'
  const bar = new SingleBar({ format, hideCursor: true, fps: 10, gracefulExit: false }, Presets.shades_classic)
  bar.start(total, 0, { drift: 0 })
  return bar
}
