import { METRIC_UNITS, METRICS_DIMENSION, METRICS_NAMESPACE, type MetricName } from '../../shared/metrics.ts'

/** Records measurements; returns at once and never fails. */
export type Measure = (values: Partial<Record<MetricName, number>>) => void

/**
 * Writes metrics as lines of CloudWatch's embedded metric format, which Lambda's log turns into metrics without a call to AWS. Does
 * nothing without a function name, that is outside Lambda. `write` takes a whole line.
 */
export function metricsLog(functionName: string | undefined, write: (line: string) => unknown = toStandardOutput): Measure {
  if (!functionName) return () => undefined
  return values => {
    const names = Object.keys(values) as MetricName[]
    const directive = {
      Namespace: METRICS_NAMESPACE,
      Dimensions: [[METRICS_DIMENSION]],
      Metrics: names.map(Name => ({ Name, Unit: METRIC_UNITS[Name] })),
    }
    const metadata = { Timestamp: Date.now(), CloudWatchMetrics: [directive] }
    write(`${JSON.stringify({ _aws: metadata, [METRICS_DIMENSION]: functionName, ...values })}\n`)
  }
}

/** Not console.log: Lambda's JSON log format wraps its lines, and CloudWatch finds no metric in them. */
function toStandardOutput(line: string): void {
  process.stdout.write(line)
}
