/** CloudWatch's namespace of what the functions measure themselves. */
export const METRICS_NAMESPACE = 'StorageCatalog'

/** The dimension of every metric: the name of the function that measured, so that two stages of one account stay apart. */
export const METRICS_DIMENSION = 'FunctionName'

/** What is measured, with CloudWatch's unit: of a batch of the indexer, of a finished run of the reconciler, of a run of the pruner. */
export const METRIC_UNITS = {
  /** Records of S3 events that were taken in. */
  RecordsIndexed: 'Count',
  /** Time from the oldest change of the batch to its commit. */
  EventLag: 'Seconds',
  /** Records that the indexer sent to the dead-letter queue itself. */
  RecordsDeadLettered: 'Count',
  /** Differences between bucket and catalog that a run found, a dry run too. */
  Drift: 'Count',
  /** 1 for each run, no dry run, that reached the end of its scope. */
  ReconcilesFinished: 'Count',
  /** Audit entries and tombstones that were deleted one by one; months that were dropped whole are not counted. */
  RowsPruned: 'Count',
  /** 1 for each run that removed all there was to remove. */
  PrunesFinished: 'Count',
} as const satisfies Record<string, 'Count' | 'Seconds'>

/** The name of a metric. */
export type MetricName = keyof typeof METRIC_UNITS
