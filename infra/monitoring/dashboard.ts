import { Duration, Stack } from 'aws-cdk-lib'
import { type Alarm, AlarmStatusWidget, Dashboard, GraphWidget, type IMetric, Stats } from 'aws-cdk-lib/aws-cloudwatch'
import type { Construct } from 'constructs'
import { type Monitored, measured } from './alarms.ts'
import { type MonitoredDatabase, proxyMetric } from './database-alarms.ts'

/** The dashboard: every alarm, then rows of graphs for indexing, the API, the functions, maintenance and the database. */
export function dashboard(scope: Construct, monitored: Monitored, alarms: Alarm[]): Dashboard {
  return new Dashboard(scope, 'Dashboard', {
    dashboardName: Stack.of(scope).stackName,
    defaultInterval: Duration.days(1),
    widgets: [
      [new AlarmStatusWidget({ title: 'Alarms', alarms, width: 24, height: 5 })],
      indexRow(monitored),
      apiRow(monitored),
      functionRow(monitored),
      maintenanceRow(monitored),
      ...(monitored.database ? [databaseRow(monitored.database), proxyRow(monitored.database)] : []),
    ],
  })
}

/** Points are five minutes apart, as those of the alarms. */
const PERIOD = Duration.minutes(5)
const sum = { statistic: Stats.SUM, period: PERIOD }
const average = { statistic: Stats.AVERAGE, period: PERIOD }
const highest = { statistic: Stats.MAXIMUM, period: PERIOD }

function indexRow({ queue, deadLetters, functions }: Monitored) {
  const indexer = functions.indexer
  return row(
    ['Records indexed', measured(indexer, 'RecordsIndexed', Stats.SUM, PERIOD)],
    ['Seconds from change to index, oldest of a batch', measured(indexer, 'EventLag', Stats.p(99), PERIOD)],
    ['Events waiting', queue.metricApproximateNumberOfMessagesVisible(highest)],
    [
      'Dead letters',
      deadLetters.metricApproximateNumberOfMessagesVisible(highest),
      measured(indexer, 'RecordsDeadLettered', Stats.SUM, PERIOD),
    ],
  )
}

function apiRow({ api }: Monitored) {
  const latency = (p: number) => api.metricLatency({ statistic: Stats.p(p), period: PERIOD, label: `p${p}` })
  return row(
    ['Requests', api.metricCount(sum)],
    ['Milliseconds to the response', latency(50), latency(99)],
    ['Failed requests', api.metricClientError({ ...sum, label: '4xx' }), api.metricServerError({ ...sum, label: '5xx' })],
  )
}

function functionRow({ functions }: Monitored) {
  const all = Object.entries(functions)
  return row(
    ['Errors of functions', ...all.map(([label, each]) => each.metricErrors({ ...sum, label }))],
    ['Throttled invocations', ...all.map(([label, each]) => each.metricThrottles({ ...sum, label }))],
    ['Longest invocation, milliseconds', ...all.map(([label, each]) => each.metricDuration({ ...highest, label }))],
    ['Concurrent invocations', ...all.map(([label, each]) => each.metric('ConcurrentExecutions', { ...highest, label }))],
  )
}

function maintenanceRow({ functions }: Monitored) {
  const hour = Duration.hours(1)
  return row(
    [
      'Drift that reconciles found, and keys unsettled',
      measured(functions.reconciler, 'Drift', Stats.SUM, hour),
      measured(functions.reconciler, 'KeysUnsettled', Stats.SUM, hour),
    ],
    [
      'Seconds since the oldest version was asked about',
      measured(functions.reconciler, 'OldestObservation', Stats.MAXIMUM, hour),
    ],
    ['Reconciles finished', measured(functions.reconciler, 'ReconcilesFinished', Stats.SUM, hour)],
    ['Rows pruned', measured(functions.pruner, 'RowsPruned', Stats.SUM, hour)],
  )
}

function databaseRow({ instance, replica }: MonitoredDatabase) {
  return row(
    ['CPU of the database, %', instance.metricCPUUtilization(average)],
    ['Bytes free', instance.metricFreeStorageSpace(average), instance.metricFreeableMemory(average)],
    ['Reads and writes per second', instance.metricReadIOPS(average), instance.metricWriteIOPS(average)],
    ...(replica ? [['Replica lag, seconds', replica.metric('ReplicaLag', highest)] as Graph] : []),
  )
}

function proxyRow({ instance, proxy }: MonitoredDatabase) {
  return row(
    ['Connections to the database', instance.metricDatabaseConnections(highest)],
    ['Connections to the proxy', proxyMetric(proxy, 'ClientConnections', Stats.SUM)],
    ['Connections pinned', proxyMetric(proxy, 'DatabaseConnectionsCurrentlySessionPinned', Stats.SUM)],
    ['Microseconds to get a connection', proxyMetric(proxy, 'DatabaseConnectionsBorrowLatency', Stats.AVERAGE)],
  )
}

type Graph = [title: string, ...metrics: IMetric[]]

/** Graphs side by side over the 24 columns of a dashboard. */
function row(...graphs: Graph[]): GraphWidget[] {
  return graphs.map(([title, ...left]) => new GraphWidget({ title, left, width: 24 / graphs.length, leftYAxis: { min: 0 } }))
}
