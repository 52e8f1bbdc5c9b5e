import { driftOf, type ReconcileRun } from '../../shared/catalog/reconcile-runs.ts'
import type { RunKind } from '../../shared/names.ts'
import type { Jsonify } from '../connect/get-json.ts'
import { formatCount, logLine } from '../terminal/print.ts'
import { startBar } from '../terminal/progress-bar.ts'

/** A run as the API returns it. */
export type Run<Kind extends RunKind = RunKind> = Jsonify<ReconcileRun<Kind>>

/** Shows the progress of runs on standard error, the sum of all runs. */
export type RunProgress = { show(run: Run): void; end(): void }

const INTERVAL_MS = 5000

/** Starts a bar on a terminal; elsewhere prints a line every few seconds. `total` is the expected number of versions, 0 if unknown. */
export function startProgress(total: number): RunProgress {
  const runs = new Map<number, Run>()
  const sum = (of: (run: Run) => number) => [...runs.values()].reduce((all, run) => all + of(run), 0)
  const bar = startBar(total > 0 ? KNOWN : UNKNOWN, { drift: 0 })
  let shown = performance.now()
  return {
    show(run) {
      runs.set(run.id, run)
      const [versions, drift] = [sum(({ findings }) => findings.versions), sum(({ findings }) => driftOf(findings))]
      bar?.update(versions, Math.max(total, versions), { drift })
      if (bar || performance.now() - shown < INTERVAL_MS) return
      shown = performance.now()
      const share = total > versions ? `${Math.floor((100 * versions) / total)} %, ` : ''
      logLine(`${share}${formatCount(versions, 'version')} compared, ${formatCount(drift, 'difference')}`)
    },
    end: () => bar?.end(),
  }
}

const KNOWN = '{percentage}% {value} of about {total} versions, {drift} differences, ETA {eta_formatted}'

const UNKNOWN = '{value} versions, {drift} differences'
