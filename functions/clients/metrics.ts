import { METRIC_UNITS, METRICS_DIMENSION, METRICS_NAMESPACE, type MetricName } from '../../shared/metrics.ts'

/** Tells what was measured; it does not wait and can't fail. */
export type Measure = (values: Partial<Record<MetricName, number>>) => void

/**
 * Writes metrics as lines of CloudWatch's embedded metric format, which Lambda's log turns into metrics without a call to AWS;
 * nothing where there is no function. `write` takes a whole line.
 */
export function measuring(functionName: string | undefined, write: (line: string) => unknown = toStandardOutput): Measure {
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

/** Not console.log: with Lambda's JSON log format that wraps the line, and CloudWatch finds no metric in it. */
function toStandardOutput(line: string): void {
  process.stdout.write(line)
}
