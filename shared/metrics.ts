/** CloudWatch namespace of the metrics that functions write themselves. */
export const METRICS_NAMESPACE = 'StorageCatalog'

/** The dimension of every metric: the name of the function, so that two stages in one account do not mix. */
export const METRICS_DIMENSION = 'FunctionName'

/** The metrics with CloudWatch's units. The indexer writes them for each batch, the reconciler and the pruner for each finished run. */
export const METRIC_UNITS = {
  /** Records of S3 events that were indexed. */
  RecordsIndexed: 'Count',
  /** Time from the oldest change of the batch to its commit. */
  EventLag: 'Seconds',
  /** Records that the indexer sent to the dead-letter queue itself. */
  RecordsDeadLettered: 'Count',
  /** Differences between bucket and catalog that a run found; dry runs included. */
  Drift: 'Count',
  /** The longest time since S3 was asked about a version, when a run read it; dry runs included. */
  OldestObservation: 'Seconds',
  /** Keys that a run left as they were, because S3 or Postgres returned an error. */
  KeysUnsettled: 'Count',
  /** 1 for each finished run that was not a dry run. */
  ReconcilesFinished: 'Count',
  /** Audit entries and tombstones that were deleted as rows; dropped partitions are not counted. */
  RowsPruned: 'Count',
  /** 1 for each run that removed everything older than the retention. */
  PrunesFinished: 'Count',
} as const satisfies Record<string, 'Count' | 'Seconds'>

/** The name of a metric. */
export type MetricName = keyof typeof METRIC_UNITS
